"""Names added to a finished atlas: killed at any moment, by two ranks, or in one go with it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from atlas.data.extras import NAMES as EXTRAS
from atlas.data.faces import FACES
from atlas.data.names import NAMES
from atlas.data.telling import TELLING
from tests.support.experiments import contents
from tests.support.forked import Build, Parent
from tests.support.once import Shared

NAME = "small"
STAGES = ("peaks", "names", "telling")
KEPT = {"names", "strips", "quizzes"}


def command(out: Path, *, names: bool) -> list[str]:
    """The command that builds an atlas of all layers with names, or the same without."""
    kept = KEPT if names else KEPT - {"names", "quizzes"}
    without = ",".join(one for one in EXTRAS if one not in kept)
    return [
        "--limit", "96", "--resize", "64", "--crop", "64", "--units", "2", "--workers", "0",
        "--experiments", "none", "--live", "off", "--without", without, "--name", NAME,
        "--out", str(out),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def sites(shared: Shared, forked: Parent) -> Path:
    """A site with names, built in one go, and the same when they are left out again."""

    def make(folder: Path) -> None:
        forked.run(command(folder / "named", names=True), folder / "printed")
        shutil.copytree(folder / "named", folder / "bare")
        forked.run(command(folder / "bare", names=False), folder / "printed")

    return shared("with and without names", make)


def test_every_stage_found_something(sites: Path) -> None:
    """So that what is killed and shared here is work, and the scan's notes were of use."""
    atlas = sites / "named" / NAME
    assert all(NAMES.read(atlas, layer).units[0].words for layer in ("conv4", "conv5"))
    assert FACES.read(atlas, "conv5").units[0].clarity is not None
    quiz = TELLING.read(atlas, "conv5").quiz
    assert quiz and (atlas / "conv5" / "quiz" / f"{quiz[0].unit}.webp").is_file()
    assert not NAMES.path(sites / "bare" / NAME, "conv5").is_file()


def test_names_that_are_killed_go_on_and_end_in_the_same_bytes(
    sites: Path, tmp_path: Path, forked: Parent
) -> None:
    """Killed in several of their stages, and without the notes that the scan took."""
    out, printed = tmp_path / "out", tmp_path / "printed"
    shutil.copytree(sites / "bare", out)
    build = Build(command(out, names=True), printed)
    scratch = out / f".building-{NAME}" / "scratch"
    dice, killed = random.Random(3), 0
    for name in STAGES:
        (process,) = forked.start(build)
        while Path(f"/proc/{process}").exists() and not (scratch / name / "state.sqlite").exists():
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.05))
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(process, signal.SIGKILL)
        (code,) = forked.wait()
        assert code in (0, -signal.SIGKILL), printed.read_text()
        killed += code != 0
    assert killed >= 2
    forked.run(build.words, printed)
    assert contents(out) == contents(sites / "named")


def test_two_ranks_find_the_same_names(sites: Path, tmp_path: Path, forked: Parent) -> None:
    out = tmp_path / "out"
    shutil.copytree(sites / "bare", out)
    forked.run_ranks(2, command(out, names=True), tmp_path / "printed")
    assert contents(out) == contents(sites / "named")
