"""A build that is stopped at any moment, or shared between processes, ends in the same bytes."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atlas.commands import cli
from atlas.errors import AtlasError
from atlas.images.sources import DemoImages
from atlas.runtime.checkpoint import Checkpoint
from atlas.scanning import scan
from tests.support.forked import Build, Parent
from tests.support.once import Shared
from tests.support.sites import SMALL

ROOT = Path(__file__).parent.parent
COMMAND = ["--limit", "64", "--units", "3", "--workers", "0", "--name", "small"]
COMMAND += ["--layers", "conv1,conv3", "--experiments", "first-layer", *SMALL]


def build(out: Path) -> None:
    assert cli.main([*COMMAND, "--out", str(out)]) == 0


@pytest.fixture(scope="module")
def site(shared: Shared) -> Path:
    """The site of an undisturbed build."""
    return shared("undisturbed", build)


def contents(site: Path) -> dict[str, bytes]:
    return {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in site.rglob("*")
        if path.is_file()
    }


class Stopped(Exception):
    pass


def test_a_build_stopped_again_and_again_ends_in_the_same_bytes(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped right before each checkpoint, when everything since the last one is lost."""
    monkeypatch.setattr(scan, "SECONDS", 0)
    monkeypatch.setattr(scan, "ROUND", 2)
    command = [*COMMAND, "--out", str(tmp_path)]
    looked_at: list[int] = []
    picture, commit = DemoImages.__getitem__, Checkpoint.commit

    def looking(self: DemoImages, index: int) -> object:
        looked_at.append(index)
        return picture(self, index)

    monkeypatch.setattr(DemoImages, "__getitem__", looking)
    for start in (0, 32, 64):
        done = 0

        def stop(checkpoint: Checkpoint) -> None:
            nonlocal done
            done += 1
            if done == 2:
                raise Stopped
            commit(checkpoint)

        looked_at.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "commit", stop)
            with pytest.raises(Stopped):
                cli.main(command)
        assert not (tmp_path / "small").exists()
        assert looked_at == list(range(start, min(start + 64, 64)))
    looked_at.clear()
    assert cli.main(command) == 0
    assert looked_at == []
    assert contents(tmp_path) == contents(site)


def test_a_killed_build_goes_on_and_ends_in_the_same_bytes(
    site: Path, tmp_path: Path, forked: Parent
) -> None:
    out, printed = tmp_path / "out", tmp_path / "printed"
    command = [*COMMAND, "--out", str(out)]
    dice = random.Random(5)
    for _ in range(4):
        (process,) = forked.start(Build(command, printed))
        begun = time.monotonic()
        while not list(out.glob(".building-*")):
            assert time.monotonic() - begun < 60, printed.read_text()
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 2))
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(process, signal.SIGKILL)
        assert forked.wait()[0] in (0, -signal.SIGKILL), printed.read_text()
    forked.run(command, printed)
    assert contents(out) == contents(site)


def test_nothing_is_computed_twice(
    site: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = [*COMMAND, "--out", str(tmp_path)]
    shutil.copytree(site, tmp_path, dirs_exist_ok=True)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "small").rglob("*.html")}
    page = tmp_path / "small" / "conv3" / "0.html"
    page.write_text("changed")
    (tmp_path / "small" / "conv3" / "old.html").write_text("of an older version")
    # whatever computes looks at an image
    monkeypatch.setattr(DemoImages, "__getitem__", lambda *_: pytest.fail("computed"))
    capsys.readouterr()
    assert cli.main(command) == 0
    assert "nothing to compute" in capsys.readouterr().out
    assert contents(tmp_path) == contents(site)
    again = {path: path.stat().st_mtime_ns for path in (tmp_path / "small").rglob("*.html")}
    assert {path for path in times if again[path] != times[path]} == {page}
    for more in (["--fresh"], ["--rule", "guided"]):
        with pytest.raises(pytest.fail.Exception):
            cli.main([*command, *more])
    assert "close_ups again: rule was deconvnet and is guided" in capsys.readouterr().out
    assert contents(tmp_path) == contents(site)


def test_four_ranks_make_the_same_bytes(site: Path, tmp_path: Path, forked: Parent) -> None:
    out = tmp_path / "out"
    forked.run_ranks(4, [*COMMAND, "--out", str(out)], tmp_path / "printed")
    assert contents(out) == contents(site)


MORTAL = """
import os, runpy, signal, sys, threading, time
from pathlib import Path

build, out = Path(sys.argv[1]), Path(sys.argv[-1])

def die():
    while not list(out.glob(".building-*/scratch/scan/state.sqlite")):
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)

if os.environ["RANK"] == "1":
    threading.Thread(target=die, daemon=True).start()
sys.path.insert(0, str(build.parent))
sys.argv = sys.argv[1:]
runpy.run_path(str(build), run_name="__main__")
"""


@pytest.mark.slow
def test_a_rank_that_dies_ends_the_build_and_the_next_makes_the_same_bytes(
    site: Path, tmp_path: Path, forked: Parent
) -> None:
    script, out = tmp_path / "mortal.py", tmp_path / "out"
    script.write_text(MORTAL)
    command = [*COMMAND, "--out", str(out)]
    ranks = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    dead = subprocess.run(
        [*ranks, str(script), str(ROOT / "build.py"), *command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert dead.returncode != 0 and "exitcode  : -9" in dead.stderr
    assert list(out.glob(".building-*")) and not (out / "small").exists()
    forked.run_ranks(2, command, tmp_path / "printed")
    assert contents(out) == contents(site)


def test_two_builds_of_one_atlas_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    one = Checkpoint(path)
    with pytest.raises(AtlasError, match="another build of this atlas is running"):
        Checkpoint(path)
    one.close()
    Checkpoint(path).close()
