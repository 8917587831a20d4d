"""A build that is stopped at any moment, or shared between processes, ends in the same bytes."""

import os
import random
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
from tests.support.once import Shared

ROOT = Path(__file__).parent.parent
COMMAND = ["--limit", "96", "--units", "3", "--workers", "0", "--name", "small"]


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


@pytest.mark.parametrize("commits", [2, 3, 4, 5])
def test_a_stopped_build_goes_on_and_ends_in_the_same_bytes(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    """Stopped right before a checkpoint, when everything since the last one is lost."""
    monkeypatch.setattr(scan, "SECONDS", 0)
    monkeypatch.setattr(scan, "ROUND", 2)
    command = [*COMMAND, "--out", str(tmp_path)]
    done, commit = 0, Checkpoint.commit

    def stop(checkpoint: Checkpoint) -> None:
        nonlocal done
        done += 1
        if done == commits:
            raise Stopped
        commit(checkpoint)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "commit", stop)
        with pytest.raises(Stopped):
            cli.main(command)
    assert not (tmp_path / "small").exists()
    looked_at: list[int] = []

    def looking(self: object, index: int) -> object:
        looked_at.append(index)
        return picture(self, index)

    picture = DemoImages.__getitem__
    monkeypatch.setattr(DemoImages, "__getitem__", looking)
    assert cli.main(command) == 0
    assert looked_at == list(range(32 * (commits - 1), 96))
    assert contents(tmp_path) == contents(site)


def test_a_killed_build_goes_on_and_ends_in_the_same_bytes(site: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "build.py"), *COMMAND, "--out", str(tmp_path)]
    dice = random.Random(5)
    for _ in range(6):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        begun = time.monotonic()
        while process.poll() is None and not list(tmp_path.glob(".building-*")):
            assert time.monotonic() - begun < 60
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 2))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert contents(tmp_path) == contents(site)


def test_nothing_is_computed_twice(
    site: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = [*COMMAND, "--out", str(tmp_path)]
    assert cli.main(command) == 0
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "small").rglob("*.html")}
    page = tmp_path / "small" / "conv2" / "0.html"
    page.write_text("changed")
    (tmp_path / "small" / "conv2" / "old.html").write_text("of an older version")
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


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_make_the_same_bytes(site: Path, tmp_path: Path, ranks: int) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [*torchrun, f"--nproc-per-node={ranks}", str(ROOT / "build.py"), *COMMAND,
         "--out", str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT, env=environment,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert contents(tmp_path) == contents(site)


MORTAL = """
import os, signal, threading, time
from pathlib import Path
from atlas.demo.network import demo_network

def network():
    if os.environ.get("RANK") == "1" and "MORTAL" in os.environ:
        threading.Thread(target=die, daemon=True).start()
    return demo_network()

def die():
    while not list(Path(os.environ["MORTAL"]).glob(".building-*/scratch/scan/state.sqlite")):
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_rank_that_dies_ends_the_build_and_the_next_goes_on(tmp_path: Path) -> None:
    (tmp_path / "mortal.py").write_text(MORTAL)
    given = ["--model", f"{tmp_path / 'mortal.py'}:network", "--crop", "96", *COMMAND]
    given += ["--evidence", "none"]

    def run(out: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command, str(ROOT / "build.py"), *given, "--out", str(out)],
            capture_output=True, text=True, cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )  # fmt: skip

    ranks = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    out = tmp_path / "out"
    dead = run(out, *ranks, MORTAL=str(out))
    assert dead.returncode != 0 and "mortal.py" in dead.stderr
    assert not (out / "small").exists()
    assert run(out, *ranks).returncode == 0
    assert run(tmp_path / "alone").returncode == 0
    assert contents(out) == contents(tmp_path / "alone")


def test_two_builds_of_one_atlas_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    one = Checkpoint(path)
    with pytest.raises(AtlasError, match="another build of this atlas is running"):
        Checkpoint(path)
    one.close()
    Checkpoint(path).close()
