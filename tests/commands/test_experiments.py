"""``--experiments`` and ``--subjects``, as people give them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from atlas.commands import cli
from atlas.data.experiments.table import NAMES
from atlas.images.sources import DemoImages
from tests.support import sites


def test_a_wrong_name_of_an_experiment_is_said_with_those_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = cli.main(["--experiments", "invariance,levitation", "--out", str(tmp_path)])
    except SystemExit as stopped:  # as argparse does
        code = stopped.code  # type: ignore[assignment]
    assert code == 2
    said = capsys.readouterr().err
    assert "levitation" in said and all(name in said for name in (*NAMES, "none"))
    assert not list(tmp_path.iterdir())


def test_experiments_that_nobody_wants_any_more_go_and_their_addresses_still_answer(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(few, tmp_path, dirs_exist_ok=True)
    pages = tmp_path / "small" / "experiments"
    had = {path.name for path in pages.glob("*.html")}
    command = [*sites.PLAIN, *sites.OF_FEW, "--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(DemoImages, "__getitem__", lambda *_: pytest.fail("computed"))
        assert cli.main([*command, "--experiments", "none"]) == 0
    assert not list(pages.rglob("*.json")) and not list(pages.rglob("*.webp"))
    assert {path.name for path in pages.glob("*.html")} == had  # each says that it is gone
    assert "findings" not in (pages / "first-layer.html").read_text()
    assert "Experiments" not in (tmp_path / "small" / "index.html").read_text()
    # one of them again: it is computed alone, and comes out as it was
    capsys.readouterr()
    assert cli.main([*command, "--experiments", "first-layer"]) == 0
    assert "nothing to compute" not in capsys.readouterr().out
    found = (pages / "first-layer.json").read_bytes()
    assert found == (few / "small" / "experiments" / "first-layer.json").read_bytes()
    assert [path.name for path in pages.glob("*.json")] == ["first-layer.json"]


def test_subjects_that_match_no_image_are_an_error(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(few, tmp_path, dirs_exist_ok=True)
    command = [*sites.PLAIN, *sites.OF_FEW, "--out", str(tmp_path)]
    command += ["--experiments", "invariance"]
    assert cli.main([*command, "--subjects", "unicorn/*"]) == 2
    assert "--subjects unicorn/*: no image has such a name" in capsys.readouterr().err
