from pathlib import Path

import pytest

from atlas.commands import cli
from atlas.commands.config import read_config
from atlas.commands.options import names, parser
from atlas.errors import UsageError

SITE = """\
[site]
title = "Seeing machines"
author = "A. Lecturer"
base_url = "https://example.org/seeing"
licence = "Pictures CC0"
compare = [["one", "two"]]

[[atlas]]
name = "one"
limit = 24
units = 3
layers = ["conv1", "conv2"]
jpeg = false
workers = 0

[[atlas]]
name = "two"
weights = "none"
limit = 24
units = 3
layers = ["conv1", "conv2"]
workers = 0
credit = "Drawn by the program"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "atlas.toml"
    path.write_text(text)
    return path


def test_the_command_builds_all_atlases_of_a_configuration(tmp_path: Path) -> None:
    config, out = written(tmp_path, SITE), tmp_path / "site"
    assert cli.main(["--config", str(config), "--out", str(out)]) == 0
    home = (out / "index.html").read_text()
    for words in ("Seeing machines", "A. Lecturer", "Pictures CC0", "one/index.html",
                  "two/index.html", "compare/one--two/index.html"):  # fmt: skip
        assert words in home
    assert not (out / "one" / "conv1" / "0.jpg").exists()
    assert (out / "two" / "conv1" / "0.jpg").exists()
    assert "Drawn by the program" in (out / "two" / "conv1" / "0.html").read_text()
    page = (out / "one" / "conv1" / "0.html").read_text()
    assert '"https://example.org/seeing/one/conv1/0.html"' in page
    assert 'property="og:image"' not in page  # no WebP where many can't show it
    rows = (out / "compare" / "one--two" / "conv2" / "index.html").read_text()
    assert 'href="../../../one/conv2/0.html"' in rows and 'href="../../../two/conv2/0.html"' in rows
    assert (out / "one" / "atlas.json").read_text().count("--limit=24") == 1
    before = {path: path.read_bytes() for path in (out / "one").rglob("*") if path.is_file()}
    given = ["--config", str(config), "--out", str(out), "--name", "three", "--limit", "24"]
    assert cli.main([*given, "--layers", "conv1", "--units", "2", "--workers", "0"]) == 0
    assert "three/index.html" in (out / "index.html").read_text()
    assert before == {path: path.read_bytes() for path in before}  # adding one leaves the others


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[site\n", "can't be read"),
        ("[site]\ntitel = 'x'\n", r"\[site\] has no 'titel'; nearest: title"),
        ("[[atlas]]\nname = 'a'\nmodle = 'x'\n", r"\[\[atlas\]\] a has no 'modle'; nearest: model"),
        ("[[atlas]]\nout = 'a'\n", "has no 'out'"),
        ("[site]\ntitle = 5\n", "title: a text is wanted"),
        ("[site]\ncompare = ['a', 'b']\n", "pairs of atlases"),
        ("[page]\n", "the file has no 'page'"),
    ],
)
def test_what_a_configuration_gets_wrong_is_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_config(written(tmp_path, text), names(parser()))


def test_paths_are_the_configurations_own(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "mine.pt").write_text("")
    text = "[[atlas]]\nimages = './photos'\nweights = 'mine.pt'\nmean = [0.5, 0.5, 0.5]\n"
    (given,) = read_config(written(tmp_path, text), names(parser())).atlases
    assert f"--images={tmp_path / 'photos'}" in given
    assert f"--weights={tmp_path / 'mine.pt'}" in given
    assert parser().parse_args(given).mean == (0.5, 0.5, 0.5)


def test_different_architectures_are_not_compared(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = SITE.replace('["conv1", "conv2"]\njpeg', '["conv2"]\njpeg').replace("jpeg = false\n", "")
    text = text.replace('layers = ["conv1", "conv2"]\nworkers = 0\ncredit', 'layers = ["conv1"]\n'
                        "workers = 0\ncredit")  # fmt: skip
    config = written(tmp_path, text)
    assert cli.main(["--config", str(config), "--out", str(tmp_path / "site")]) == 2
    assert "can't be compared: they differ at layer conv" in capfd.readouterr().err


def test_whatever_says_which_atlas_asks_for_one() -> None:
    assert cli.asks_for_one(["--model", "alexnet"]) and cli.asks_for_one(["--limit=5"])
    assert cli.asks_for_one(["--no-jpeg"])
    assert not cli.asks_for_one(["--out", "x", "--base-url=https://a.b/", "--workers", "2"])
