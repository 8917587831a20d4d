"""A build whose disk is full says so and how much room it needs, and goes on once there is room."""

import re
import shutil
from pathlib import Path

import pytest

from atlas.commands import cli, full_disk
from atlas.commands.inputs import network_of
from atlas.commands.projecting import plan_of, room_of
from atlas.compute.stages import STAGES
from atlas.data.settings import Settings
from atlas.errors import AtlasError
from atlas.images.sources import DemoImages
from atlas.site.pages import PAGES
from atlas.site.staging import building
from tests.support.disks import disk
from tests.support.once import Shared
from tests.support.sites import SMALL

COMMAND = ["--limit", "32", "--units", "3", "--workers", "0", "--name", "small"]
COMMAND += ["--layers", "conv1,conv3", "--experiments", "none", *SMALL]
SAID = re.compile(
    r"build\.py: the disk is full \((?P<why>.+)\): (?P<out>\S+) has (?P<free>[\d.]+) MB free, and "
    r"this build needs about (?P<more>[\d,]+) MB more there; make room, and run the same command "
    r"again(?P<goes_on>: it goes on where this one stopped)?\n"
)


def contents(site: Path) -> dict[str, bytes]:
    files = (path for path in site.rglob("*") if path.is_file())
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def roomy(shared: Shared) -> Path:
    """The site of a build that had room."""

    def make(folder: Path) -> None:
        assert cli.main([*COMMAND, "--out", str(folder)]) == 0

    return shared("roomy", make)


@pytest.mark.slow
def test_a_build_goes_on_when_there_is_room_wherever_it_ran_out(
    roomy: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "disk"
    stopped_in: list[str] = []
    with disk(out, 8) as resize:
        size = 8
        while cli.main([*COMMAND, "--out", str(out)]) != 0:
            printed = capfd.readouterr().err
            (line,) = [one for one in printed.splitlines(True) if not one.startswith("note:")]
            said = SAID.fullmatch(line)
            assert said, line
            assert said["out"] == str(out) and float(said["free"]) < int(said["more"])
            assert not (out / "index.html").exists() and not (out / "small").exists()
            work = building(out, "small")
            assert bool(said["goes_on"]) == work.exists()
            begun = [one.name for one in STAGES if (work / "scratch" / one.name).exists()]
            stopped_in.append(begun[-1] if begun else "")
            size = round(size * 1.4)
            resize(size)
        assert contents(out) == contents(roomy)
    # before anything was kept, and in more than one stage
    assert stopped_in[0] == "" and len(set(stopped_in)) > 2, stopped_in


def test_it_is_said_before_it_happens(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with disk(tmp_path / "disk", 900):
        assert cli.main([*COMMAND, "--out", str(tmp_path / "disk")]) == 1
        assert re.search(
            r"note: only [01] MB are free, and the build needs about \d+ in ",
            capfd.readouterr().err,
        )


@pytest.mark.slow
def test_as_much_room_is_asked_for_as_a_build_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies on the disk right before the build's own folder goes, against the projection."""
    taken: list[int] = []
    remove = shutil.rmtree

    def looking(path: Path, ignore_errors: bool = False) -> None:
        if Path(path).name == ".building-small":
            scratch = Path(path) / "scratch"
            taken.append(sum(one.lstat().st_size for one in scratch.rglob("*") if one.is_file()))
        remove(path, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", looking)
    assert cli.main([*COMMAND, "--out", str(tmp_path)]) == 0
    monkeypatch.undo()
    found = taken[-1] + sum(len(content) for content in contents(tmp_path / "small").values())
    settings = Settings(limit=32, units=3, layers=("conv1", "conv3"), resize=64, crop=(64, 64))
    plan = plan_of(network_of(settings), DemoImages(32), settings)
    assert 0.7 < room_of(plan, STAGES, PAGES) / found < 1.6


def test_other_errors_are_not_taken_for_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Permission"), full_disk.told(tmp_path, tmp_path, 1):
        raise PermissionError(13, "Permission denied")
    said = (
        "the disk is full .*needs about 3 MB more there; make room, and run the same command again$"
    )
    with pytest.raises(AtlasError, match=said), full_disk.told(tmp_path, tmp_path / "a", 2_500_000):
        raise OSError(28, "No space left on device")
