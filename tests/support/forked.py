"""Builds in processes of their own, forked from one that has loaded torch already.

To load torch takes longer than a small build, and so do the demo's graph and pictures, which are
there as well. A forked process is a process like any other: it can be killed, and be a rank. The
process that forks them has no other threads than its own.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # as loading pyarrow starts one
}


@dataclass(frozen=True)
class Build:
    """The words of a command, and variables of its environment; what it prints goes to a file."""

    words: Sequence[str]
    printed: Path
    environment: tuple[tuple[str, str], ...] = ()


class Parent:
    """The process that builds are forked from; only some of one call at a time."""

    def __init__(self, warm: Sequence[str] = ()) -> None:
        """``warm`` is a command that the process runs itself, so that forked ones start sooner."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked", *warm],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
        )  # fmt: skip

    def start(self, *builds: Build) -> list[int]:
        """Start builds, and return their processes' numbers."""
        asked = [[list(b.words), str(b.printed), dict(b.environment)] for b in builds]
        assert self._process.stdin
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return self._answer()

    def wait(self) -> list[int]:
        """The exit codes of the builds that were started, when all have ended."""
        return self._answer()

    def run(self, words: Sequence[str], printed: Path) -> None:
        """Run a build that succeeds."""
        self.start(Build(words, printed))
        assert self.wait() == [0], printed.read_text()

    def run_ranks(self, count: int, words: Sequence[str], printed: Path) -> None:
        """Run a build of several ranks that succeeds."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        common = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        own = [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
        self.start(*(Build(words, printed, tuple(each.items())) for each in own))
        assert self.wait() == [0] * count, printed.read_text()

    def end(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> list[int]:
        assert self._process.stdout
        numbers: list[int] = json.loads(self._process.stdout.readline())
        return numbers


def _serve() -> None:
    """Fork builds as they are asked for by standard input, and answer by standard output."""
    # as in a terminal: where a shell has put the tests in the background, it is ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import torch.export._trace  # noqa: F401, what a build loads
    import torchvision.transforms.v2  # noqa: F401
    from tqdm import tqdm

    import atlas.site.pages  # noqa: F401
    from atlas.commands.cli import main
    from atlas.compute.source import sources_of
    from atlas.compute.stages import STAGES
    from atlas.compute.stages.experiments import EXPERIMENT_STAGES
    from tests.support import disturbed
    from tests.support.traces import trace_once

    trace_once(pytest.MonkeyPatch())
    for stage in (*STAGES, *EXPERIMENT_STAGES):
        sources_of(stage.run)  # which reads all modules
    if sys.argv[1:]:
        disturbed.compiled_once()
        tqdm.monitor_interval = 0  # it would be a thread
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(sys.argv[1:])
        assert code == 0, said.getvalue()
    else:
        _load_demo()
    gc.freeze()  # what nobody looks at again is never copied
    for line in sys.stdin:
        tasks = list(Path("/proc/self/task").glob("*"))
        assert len(tasks) <= 1, "a process with threads is not forked safely"
        processes = []
        for words, printed, environment in json.loads(line):
            process = os.fork()
            if not process:
                _redirect(printed)
                os.environ.update(environment)
                if "FAULT" in environment:
                    disturbed.Disturbance(json.loads(environment["FAULT"])).begin()
                code = main(words)
                sys.stdout.flush()
                os._exit(code)  # to clear up all that was loaded would take as long as a build
            processes.append(process)
        print(json.dumps(processes), flush=True)
        codes = [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in processes]
        print(json.dumps(codes), flush=True)


def _load_demo() -> None:
    """What builds of the demo begin with is in memory in every build."""
    from atlas.images.masks import DemoMasks
    from atlas.images.sources import DemoImages
    from atlas.networks.network import load_network
    from tests.support.pictures import draw_once

    draw_once(pytest.MonkeyPatch())
    load_network("demo")
    images = DemoImages(96)
    masks = DemoMasks(images)
    for index in masks.indices():
        images[index], masks.of(index)


def _redirect(printed: str) -> None:
    """Standard input is empty, and standard output and error go to the end of a file."""
    empty = os.open(os.devnull, os.O_RDONLY)
    file = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for source, target in ((empty, 0), (file, 1), (file, 2)):
        os.dup2(source, target)


if __name__ == "__main__":
    _serve()
