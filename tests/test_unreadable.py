"""Images that can't be read, from the folder to the page; names that are no UTF-8, likewise."""

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from atlas.commands import cli
from atlas.compute.stages import scan as stage
from atlas.demo.network import demo_network
from atlas.images.sources import DemoImages
from atlas.images.stimuli import StimulusCache
from atlas.runtime.checkpoint import Checkpoint
from atlas.scanning import scan
from tests.support.forked import Parent
from tests.support.once import Shared
from tests.support.sites import SMALL

COUNT = 40
OPTIONS = ["--layers", "conv1,conv3", "--units", "2", "--workers", "0", "--name", "small"]
OPTIONS += ["--experiments", "first-layer", *SMALL]
BARE = ("--evidence", "none", "--lean")  # where only what is read matters
# the last of all by their names, so that those before them keep their numbers
BROKEN = {
    b"zz/caf\xe9.jpg": (b"Dear diary", "no image, or of a kind that isn't read"),
    b"zz/empty.jpg": (b"", "the file is empty"),
    b"zz/half.png": (b"\x89PNG", "no image, or of a kind that isn't read"),
}


def photographs(folder: Path) -> Path:
    """Pictures of the demo world, one of them twice, in a folder for each class."""
    world = DemoImages(COUNT)
    for index in range(COUNT):
        path = folder / f"{world.label(index)}" / os.fsdecode(b"\xff%03d.png" % index)
        path.parent.mkdir(parents=True, exist_ok=True)
        world[index].save(path)
    shutil.copy(path, folder / "again.png")
    return folder


def break_some(folder: Path) -> None:
    for name, (content, _) in BROKEN.items():
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def command(images: Path, out: Path, *more: str) -> list[str]:
    return ["--images", str(images), "--out", str(out), *OPTIONS, *more]


def contents(site: Path) -> dict[str, bytes]:
    files = (path for path in site.rglob("*") if path.is_file())
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def whole(shared: Shared) -> Path:
    """Photographs, all of which can be read, in ``photographs``, and their site in ``site``."""

    def make(folder: Path) -> None:
        photographs(folder / "photographs")
        assert cli.main(command(folder / "photographs", folder / "site", "--strict")) == 0

    return shared("readable", make)


@pytest.fixture(scope="module")
def broken(shared: Shared, whole: Path) -> Path:
    """The same with some that can't be read among them."""

    def make(folder: Path) -> None:
        shutil.copytree(whole / "photographs", folder / "photographs")
        break_some(folder / "photographs")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            assert cli.main(command(folder / "photographs", folder / "site")) == 0
        (folder / "printed").write_text(printed.getvalue())

    return shared("unreadable", make)


@pytest.fixture
def copy(broken: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(broken, tmp_path / "copy"))


Said = Callable[[], str]


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Said:
    def both() -> str:
        printed = capfd.readouterr()
        return printed.out + printed.err

    return both


def facts(site: Path) -> Any:
    return json.loads((site / "small" / "atlas.json").read_text())


def shown(name: bytes) -> str:
    return name.decode(errors="backslashreplace")


def test_they_are_named_with_the_reason_wherever_it_matters(broken: Path) -> None:
    printed = (broken / "printed").read_text()
    assert f"4 units of 2 layers, {COUNT + 1} images" in printed
    assert f"3 of {COUNT + 4} images can't be read and are left out." in printed
    page = (broken / "site" / "small" / "index.html").read_text()
    assert f"{COUNT + 1} photographs of the folder photographs" in page
    for name, (_, reason) in BROKEN.items():
        assert f"  {shown(name)}: {reason}\n" in printed
        assert f"<li>{shown(name)}: {reason.replace(chr(39), '&#39;')}</li>" in page
    assert facts(broken / "site")["images"]["skipped"] == [
        {"image": COUNT + 1 + place, "file": shown(name), "reason": reason}
        for place, (name, (_, reason)) in enumerate(BROKEN.items())
    ]


def test_nothing_else_knows_of_them(broken: Path, whole: Path) -> None:
    """All data of layers, percentiles and chances are those of the images that can be read.

    Where all can be read, --strict leaves everything as it is.
    """
    one, other = contents(broken / "site"), contents(whole / "site")
    assert one.keys() == other.keys()
    differ = {name for name in one if one[name] != other[name]}
    assert {name for name in differ if name.endswith(("nine.json", "examples.json", "layer.json",
            "together.json", "reconstructions.json", ".npz", ".webp"))} == set()  # fmt: skip
    found, plain = facts(broken / "site")["images"], facts(whole / "site")["images"]
    for name in ("description", "different", "class_sizes", "duplicates", "recoloured"):
        assert found[name] == plain[name], name
    assert found["different"] == COUNT and found["count"] == COUNT + 4
    unit = (broken / "site" / "small" / "conv1" / "0.html").read_text()
    nine = json.loads((broken / "site" / "small" / "conv1" / "nine.json").read_text())
    assert nine["images"] == COUNT and f"of {COUNT + 4} images" not in unit
    assert f"1 of {COUNT + 1} images" in unit  # repeats another


def test_names_that_are_no_utf_8_are_escaped_everywhere(whole: Path) -> None:
    nine = json.loads((whole / "site" / "small" / "conv1" / "nine.json").read_text())
    files = [winner["file"] for unit in nine["units"] for winner in unit["nine"]]
    assert files and all("/\\xff0" in file or file == "again.png" for file in files)
    assert any("/\\xff0" in file for file in files)
    page = (whole / "site" / "small" / "conv1" / "0.html").read_text("utf-8")
    assert "/\\xff0" in page


def test_so_are_those_of_folders_and_in_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> tuple[int, str, str]:
        """The command where the terminal takes ASCII alone: its exit code, and what it prints."""
        out, err = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patch:
            for name, file, errors in (("stdout", out, "strict"), ("stderr", err, "replace")):
                patch.setattr(
                    sys, name, io.TextIOWrapper(file, "ascii", errors, write_through=True)
                )
            code = cli.main(words)
            said = out.getvalue(), err.getvalue()
        return code, said[0].decode("ascii"), said[1].decode("ascii")

    folder, out = tmp_path / os.fsdecode(b"caf\xe9"), tmp_path / os.fsdecode(b"\xfe")
    folder.mkdir()
    (folder / os.fsdecode(b"\xfd.jpg")).write_text("Dear diary")
    weights = tmp_path / os.fsdecode(b"w\xfb.pt")
    torch.save(demo_network().state_dict(), weights)
    words = command(folder, out, "--weights", str(weights), *BARE)
    code, _, errors = run()
    assert code == 1 and errors.count("\n") == 1
    assert "\\xfd.jpg can't be read as an image: no image" in errors
    Image.new("RGB", (99, 99), "red").save(folder / os.fsdecode(b"\xfc.png"))
    code, said, errors = run()
    assert code == 0, errors
    assert "1 of 2 images can't be read and is left out.\n  \\xfd.jpg: no image" in said
    assert "caf\\xe9" in facts(out)["command"] and facts(out)["network"]["weights"] == "w\\xfb.pt"
    assert "1 photographs of the folder caf\\xe9" in (out / "small" / "index.html").read_text()


def test_an_atlas_without_them_is_finished_until_one_can_be_read(copy: Path, said: Said) -> None:
    words = command(copy / "photographs", copy / "site", *BARE)
    shutil.rmtree(copy / "site")  # a copy's files have other times of change
    assert cli.main(words) == 0
    before = contents(copy / "site")
    said()
    assert cli.main(words) == 0
    printed = said()
    assert "nothing to compute" in printed and "zz/empty.jpg: the file is empty" in printed
    assert contents(copy / "site") == before
    assert cli.main([*words, "--strict"]) == 1
    assert "--strict: zz/caf\\xe9.jpg can't be read as an image: no image" in said()
    assert contents(copy / "site") == before
    Image.new("RGB", (128, 128), "red").save(copy / "photographs" / "zz" / "empty.jpg")
    assert cli.main(words) == 0
    assert "scan again: the images changed" in said()
    assert len(facts(copy / "site")["images"]["skipped"]) == 2


def test_strict_fails_with_one_line(broken: Path, tmp_path: Path, said: Said) -> None:
    for workers in ("0", "1"):
        more = ("--strict", "--workers", workers)
        assert cli.main(command(broken / "photographs", tmp_path / "out", *more)) == 1
        line = said().splitlines()[-1]
        assert line.startswith("build.py: --strict: zz/caf\\xe9.jpg can't be read as an image: no")
    assert not (tmp_path / "out" / "small").exists()


def test_where_none_can_be_read_that_is_said(tmp_path: Path, said: Said) -> None:
    break_some(tmp_path / "photographs")
    assert cli.main(command(tmp_path / "photographs", tmp_path / "out")) == 1
    line = said().splitlines()[-1]
    assert line.startswith("build.py: none of 3 images can be read: zz/caf\\xe9.jpg can't be read")
    assert list((tmp_path / "out").iterdir()) == []


class Stopped(Exception):
    pass


def test_a_build_that_was_stopped_knows_them_still(
    broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the last batch, with one that can't be read in the first and three in this one."""
    monkeypatch.setattr(scan, "SECONDS", 0)
    monkeypatch.setattr(scan, "ROUND", 1)
    images = Path(shutil.copytree(broken / "photographs", tmp_path / "photographs"))
    (images / "aa.jpg").write_bytes(b"")  # in the first batch
    assert cli.main(command(images, tmp_path / "undisturbed", *BARE)) == 0
    done, commit = 0, Checkpoint.commit

    def stop(checkpoint: Checkpoint) -> None:
        nonlocal done
        done += 1
        if done == 3:
            raise Stopped
        commit(checkpoint)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "commit", stop)
        with pytest.raises(Stopped):
            cli.main(command(images, tmp_path / "out", *BARE))
    assert cli.main(command(images, tmp_path / "out", *BARE)) == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
    assert len(facts(tmp_path / "out")["images"]["skipped"]) == 4


@pytest.mark.slow
def test_ranks_and_workers_leave_out_the_same(broken: Path, tmp_path: Path, forked: Parent) -> None:
    out = tmp_path / "out"
    more = command(broken / "photographs", out, "--workers", "1")
    forked.run_ranks(2, more, tmp_path / "printed")
    assert contents(out) == contents(broken / "site")


def test_one_that_goes_while_the_build_runs_is_named_and_then_left_out(
    copy: Path, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    words = command(copy / "photographs", copy / "out", *BARE)
    write = stage.write_record
    with monkeypatch.context() as patch:
        patch.setattr(StimulusCache, "get", lambda *_: None)  # as for more images than fit
        patch.setattr(stage, "write_record", lambda *given: (write(*given), remove()))

        def remove() -> None:
            for path in (copy / "photographs").rglob("*000.png"):
                path.unlink()

        assert cli.main(words) == 1
    line = said().splitlines()[-1]
    assert "\\xff000.png can't be read as an image: No such file or directory, though" in line
    assert "run the same command again" in line
    assert cli.main(words) == 0  # it isn't listed any more
    assert "scan again: the images changed" in said()
    assert len(facts(copy / "out")["images"]["skipped"]) == 3


def test_verify_leaves_out_the_same_and_names_others(copy: Path, said: Said) -> None:
    words = ["verify", str(copy / "site" / "small"), "--workers", "0"]
    words += ["--images", str(copy / "photographs")]
    assert cli.main(words) == 0
    assert "4 of 4 units are as the site says" in said()
    (copy / "photographs" / "again.png").write_bytes(b"")
    assert cli.main(words) == 1
    assert "again.png can't be read as an image: the file is empty; it could be when" in said()
    shutil.rmtree(copy / "photographs")
    photographs(copy / "photographs")
    for name in BROKEN:  # now they can be read
        path = copy / "photographs" / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (128, 128), "red").save(path)
    assert cli.main(words) == 1
    assert "these are not the images of the atlas" in said()


def test_masks_of_what_can_not_be_read_are_left_out(
    whole: Path, tmp_path: Path, said: Said
) -> None:
    images = Path(shutil.copytree(whole / "photographs", tmp_path / "photographs"))
    names = [path.relative_to(images).with_suffix("") for path in sorted(images.rglob("*.png"))]
    for name in names:
        mask = tmp_path / "masks" / os.fsdecode(b"l\xe9ft") / f"{name}.png"
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.repeat([[255, 0]], 64, 1).astype(np.uint8).repeat(128, 0)).save(mask)
    (images / f"{names[3]}.png").write_bytes(b"")
    words = command(images, tmp_path / "out", "--masks", str(tmp_path / "masks"))
    assert cli.main(words) == 0
    concepts = facts(tmp_path / "out")["concepts"]
    assert concepts["names"] == ["l\\xe9ft"] and concepts["images"] == COUNT - 1
    for name in names:
        if name != names[3]:
            (tmp_path / "masks" / os.fsdecode(b"l\xe9ft") / f"{name}.png").unlink()
    assert cli.main(words) == 1
    assert "each image with a mask repeats another or can't be read" in said()
