from pathlib import Path

import pytest

from atlas.commands.config import read_config
from atlas.commands.contents import contents_of
from atlas.data.settings import Settings
from atlas.errors import UsageError


def written(folder: Path, text: str) -> Path:
    path = folder / "atlas.toml"
    path.write_text(text)
    return path


def test_a_word_stands_for_a_name_or_for_several(tmp_path: Path) -> None:
    text = '[synonyms]\nVelo = "bicycle"\nbike = ["bicycle", "mountain bike"]\n'
    config = read_config(written(tmp_path, text))
    assert config.synonyms == {"velo": ("bicycle",), "bike": ("bicycle", "mountain bike")}
    assert contents_of(Settings(), config).synonyms == config.synonyms


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("synonyms = 5", r"synonyms: a table \[synonyms\] is wanted"),
        ("[synonyms]\nbike = 5", r"\[synonyms\] bike: a name or a list of names is wanted"),
        ("[synonyms]\nbike = []", r"\[synonyms\] bike: a name or a list"),
        ("[synonyms]\n'a bike' = 'bicycle'", r"'a bike': one word is wanted"),
        ("[synonym]\nbike = 'bicycle'", "has no 'synonym'; nearest: synonyms"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_config(written(tmp_path, text))
