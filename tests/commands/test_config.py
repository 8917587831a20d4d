from pathlib import Path

import pytest

from atlas.commands import cli
from atlas.commands.build import asks_for_one
from atlas.commands.config import read_config
from atlas.commands.contents import contents_of
from atlas.commands.parser import given, parsed
from atlas.data.settings import OPTIONS, Settings
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
experiments = ["none"]
jpeg = false
workers = 0
resize = 64
crop = "64"

[[atlas]]
name = "two"
weights = "none"
limit = 24
units = 3
layers = ["conv1", "conv2"]
experiments = ["none"]
workers = 0
resize = 64
crop = "64"
credit = "Drawn by the program"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "atlas.toml"
    path.write_text(text)
    return path


def said(*words: str) -> dict[str, object]:
    """The settings that a command line gives."""
    return given(parsed(cli.COMMANDS, words))


@pytest.mark.slow
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
    assert (out / "one" / "atlas.json").read_text().count("--limit 24") == 1
    before = {path: path.read_bytes() for path in (out / "one").rglob("*") if path.is_file()}
    words = ["--config", str(config), "--out", str(out), "--name", "three", "--limit", "24"]
    words += ["--experiments", "none"]
    assert cli.main([*words, "--layers", "conv1", "--units", "2", "--workers", "0"]) == 0
    assert "three/index.html" in (out / "index.html").read_text()
    assert before == {path: path.read_bytes() for path in before}  # adding one leaves the others


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[site\n", r"atlas\.toml:1: Expected"),
        ('[site]\ntitle = """\nx', r"atlas\.toml:3: Unterminated"),
        ("[site]\ntitel = 'x'\n", r"toml:2: \[site\] has no 'titel'; nearest: title"),
        ("[site]\nbase_url = 3\n", r"toml:2: \[site\] base-url: a text is wanted"),
        (
            "[[atlas]]\nname = 'b'\nmodel = 'x'\n[[atlas]]\nname = 'a'\nmodle = 'x'\n",
            r"toml:6: \[\[atlas\]\] a has no 'modle'; nearest: model",
        ),
        (
            "[[atlas]]\nlimit = 5\n[site]\ntitle = 'a'\n[[atlas]]\n  limit = 0\n",
            r"toml:6: \[\[atlas\]\] limit: must be",
        ),
        ("[[atlas]]\nout = 'a'\n", "has no 'out'"),
        ("[site]\ntitle = 5\n", "title: a text is wanted"),
        ("[site]\ncompare = ['a', 'b']\n", "pairs of atlases"),
        ("[site]\ncompare = [{ atlases = ['a', 'b'], match = 'yes' }]\n", "pairs of atlases"),
        ("[site]\ncompare = [{ atlases = ['a', 'b'], matched = true }]\n", "pairs of atlases"),
        ("\n[page]\n", r"toml:2: the file has no 'page'"),
        ("[atlas]\nname = 'a'\n", r"a table \[\[atlas\]\] is wanted"),
        ("site = 3\n", r"a table \[site\] is wanted"),
        ("[[atlas]]\nname = 'a'\nlimit = 0\n", r"\[\[atlas\]\] a limit: must be at least 1"),
        ("[[atlas]]\nlimit = true\n", r"limit: 'true' is not a whole number"),
        ("[[atlas]]\nrule = 'magic'\n", r"rule: 'magic' is not among deconvnet, guided"),
        ("[[atlas]]\nlean = 'yes'\n", r"lean: 'yes' is neither true nor false"),
    ],
)
def test_what_a_configuration_gets_wrong_is_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_config(written(tmp_path, text))


def test_a_configuration_that_is_not_there_or_names_what_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"atlas\.toml can't be read"):
        read_config(tmp_path / "atlas.toml")
    config = read_config(written(tmp_path, "[site]\ncss = 'own.css'\n"))
    with pytest.raises(UsageError, match=r"\[site\] css: .*own\.css: no such file"):
        contents_of(Settings(), config)


def test_paths_are_the_configurations_own(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "mine.pt").write_text("")
    (tmp_path / "own.py").write_text("")
    text = (
        "[[atlas]]\nimages = './photos'\nweights = 'mine.pt'\nmodel = 'own.py:make'\n"
        "masks = './photos'\nname = 'mine.pt'\n"
    )
    (settings,) = read_config(written(tmp_path, text)).atlases
    assert settings == {
        "images": str(tmp_path / "photos"),
        "weights": str(tmp_path / "mine.pt"),
        "model": str(tmp_path / "own.py:make"),
        "masks": tmp_path / "photos",
        "name": "mine.pt",  # no path
    }


def test_a_plain_word_is_a_path_where_nothing_else_is_meant(tmp_path: Path) -> None:
    for name in ("photos", "demo", "alexnet", "none"):
        (tmp_path / name).mkdir()
    text = "[[atlas]]\nimages = '{}'\nmasks = 'photos'\nmodel = 'alexnet'\nweights = 'none'\n"
    (settings,) = read_config(written(tmp_path, text.format("photos"))).atlases
    assert settings["images"] == str(tmp_path / "photos")
    assert settings["masks"] == tmp_path / "photos"
    assert (settings["model"], settings["weights"]) == ("alexnet", "none")
    (settings,) = read_config(written(tmp_path, text.format("demo"))).atlases
    assert settings["images"] == "demo"


def test_a_configuration_says_what_the_command_line_says(tmp_path: Path) -> None:
    text = (
        "[[atlas]]\nlayers = ['conv*', 'fc?']\nmean = [0.5, 0.4, 0.3]\ncrop = '64x32'\n"
        "jpeg = false\nlean = false\nnear-duplicates = 4\nimages_policy = 'pointers'\nseed = -3\n"
    )
    (settings,) = read_config(written(tmp_path, text)).atlases
    words = ["--layers", "conv*", "--layers", "fc?", "--mean=0.5,0.4,0.3", "--crop=64x32",
             "--no-jpeg", "--no-lean", "--near-duplicates=4", "--images-policy=pointers",
             "--seed=-3"]  # fmt: skip
    assert settings == said(*words)


def test_a_configuration_takes_every_option_but_those_of_the_whole_command(tmp_path: Path) -> None:
    for one in OPTIONS:
        table = f"[[atlas]]\n{one.key} = 'x'\n"
        try:
            read_config(written(tmp_path, table))
            known = True
        except UsageError as error:
            known = "has no" not in str(error)
        assert known == (one.scope != "command"), one.name
    assert {one.key for one in OPTIONS if one.scope == "command"} == {
        "out", "config", "notes", "base-url", "fresh", "debug",
    }  # fmt: skip


@pytest.mark.slow
def test_different_architectures_are_not_compared(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = SITE.replace('["conv1", "conv2"]', '["conv2"]', 1).replace("jpeg = false\n", "")
    text = text.replace('["conv1", "conv2"]', '["conv1"]').replace("units = 3", "units = 1")
    config = written(tmp_path, text)
    assert cli.main(["--config", str(config), "--out", str(tmp_path / "site")]) == 2
    assert "can't be compared: they differ at layer conv" in capfd.readouterr().err


def test_whatever_says_which_atlas_asks_for_one() -> None:
    assert asks_for_one(said("--model", "alexnet")) and asks_for_one(said("--limit=5"))
    assert asks_for_one(said("--no-jpeg")) and asks_for_one(said("--seed", "0"))
    assert not asks_for_one(said("--out", "x", "--base-url=https://a.b/", "--workers", "2"))
    assert not asks_for_one(said("--device", "cpu", "--batch-size", "8", "--budget", "5"))
