"""Experiments added to a finished atlas: one by one, killed at any moment, or by two ranks."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

from atlas.data.experiments.table import ALL, NAMES
from tests.support.experimented import NAME, command
from tests.support.experiments import contents
from tests.support.forked import Build, Parent


def test_an_experiment_that_is_added_is_computed_alone(experimented: Path) -> None:
    written = json.loads((experimented / "written.json").read_text())
    assert list(written) == list(NAMES)
    for name, files in written.items():
        assert f"experiments/{name}.json" in files
        strange = [
            file for file in files
            if not file.startswith((f"experiments/{name}.", f"experiments/{name}/"))
            and not file.endswith(f"/{name}.json")  # of a layer
        ]  # fmt: skip
        assert strange == ["atlas.json"]


def test_every_experiment_of_the_small_atlas_found_something(experimented: Path) -> None:
    """So that what is killed and shared here is work."""
    for name in NAMES:
        file = experimented / "site" / NAME / "experiments" / f"{name}.json"
        said = json.loads(file.read_text())
        assert said["result"], said["reason"]


def test_experiments_that_are_killed_go_on_and_end_in_the_same_bytes(
    pictured: Path, bare: Path, experimented: Path, tmp_path: Path, forked: Parent
) -> None:
    """Killed once in each of them."""
    out, printed = tmp_path / "out", tmp_path / "printed"
    shutil.copytree(bare, out)
    build = Build(command(pictured, out, ALL), printed)
    scratch = out / f".building-{NAME}" / "scratch"
    dice = random.Random(7)
    killed = []
    for name in NAMES:
        begun = time.time_ns()
        (process,) = forked.start(build)
        while _runs(process) and not _began(scratch / name / "state.sqlite", begun):
            time.sleep(0.005)
        time.sleep(dice.uniform(0, 0.3))
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(process, signal.SIGKILL)
        (code,) = forked.wait()
        assert code in (0, -signal.SIGKILL), printed.read_text()
        killed += [name] if code else []
    assert len(killed) >= 4
    forked.run(build.words, printed)
    assert contents(out) == contents(experimented / "site")


def _runs(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def _began(state: Path, begun: int) -> bool:
    """Whether work on a stage with this state began after that time."""
    try:
        return state.stat().st_mtime_ns > begun
    except FileNotFoundError:
        return False


def test_two_ranks_make_the_same_experiments(
    pictured: Path, bare: Path, experimented: Path, tmp_path: Path, forked: Parent
) -> None:
    out = tmp_path / "out"
    shutil.copytree(bare, out)
    forked.run_ranks(2, command(pictured, out, ALL), tmp_path / "printed")
    assert contents(out) == contents(experimented / "site")
