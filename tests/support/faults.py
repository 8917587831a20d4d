"""A campaign of faults: builds that are disturbed at chosen moments, and what became of them.

Each trial builds a tiny atlas in a process of its own, disturbs it, looks at the site as a reader
finds it then, runs the same command again undisturbed, and compares every byte of the site with
that of a build that nothing disturbed. ``benchmarks/faults.py`` runs hundreds of trials and prints
a table; ``test_faults`` runs a few of each kind.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.forked import Build, Parent

MODEL = """
import torch
from torch import nn

def network():
    torch.manual_seed(3)
    first, last = nn.Conv2d(3, 4, 5, stride=2), nn.Conv2d(4, 5, 3)
    net = nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), last)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(4)
    return net.eval()
"""
COUNT = 20  # images
ROOM = (700, 3000)  # kB between which a disk is full at some moment
OTHERS = {  # what this program did not make
    "CNAME": "example.org",
    ".draft.html.new": "precious",
    ".replaced-photos/1.jpg": "precious",
    ".publishing-plan/todo.txt": "precious",
    "photos/index.html": "<p>mine</p></html>",
}
SAID = re.compile("as they were written|is damaged|is made again")

# a kind of trial, and how often it comes among the others
KINDS = {
    "SIGKILL": 3, "SIGINT": 2, "SIGINT twice": 2, "SIGTERM": 1, "SIGHUP": 1,
    "disk full, then room again": 3, "largest file": 1, "EDQUOT": 1, "EIO": 2, "EROFS": 1,
    "read-only, then not": 1, "SIGKILL, on a disk of its own": 1, "stalls": 1, "stopped": 1,
    "clock": 1, "other times of files": 1, "memory": 1, "worker memory": 1, "worker killed": 1,
    "a rank that dies": 2, "half-done work: a changed bit": 4, "half-done work: cut short": 2,
    "half-done work: another build's": 3, "published: a changed bit": 3,
    "published: cut short": 2, "published: another build's": 2, "two atlases at once": 3,
    "two atlases at once, one killed": 2, "read all the while": 1,
}  # fmt: skip
ON_A_DISK = {"disk full, then room again", "read-only, then not", "SIGKILL, on a disk of its own"}

Tree = dict[str, bytes]


@dataclass
class Outcome:
    """What became of a trial; ``wrong`` says in words what must not be, by column."""

    kind: str
    stage: str
    disturbed: bool = True
    said: bool = False
    wrong: dict[str, str] = field(default_factory=dict)
    wall: float = 0.0
    cpu: float = 0.0


def tree(folder: Path) -> Tree:
    """Every file of a folder with its content."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class Campaign:
    """Trials on one tiny atlas, with what they need: pictures, a model, what builds end in."""

    def __init__(self, scratch: Path, seed: int = 0) -> None:
        self.scratch, self.seed = scratch.resolve(), seed
        self.pictures, self.model = scratch / "pictures", scratch / "tiny.py"
        self.printed, self.out = scratch / "printed", scratch / "out"
        self.model.write_text(MODEL)
        dice = np.random.default_rng(1)
        for index in range(COUNT):
            path = self.pictures / "ab"[index % 2] / f"{index:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            small = Image.fromarray(dice.integers(0, 256, (28, 28, 3), np.uint8))
            small.resize((40, 40)).save(path)
        self.parent = Parent(self.command(scratch / "warm"))
        self._references()

    def command(self, out: Path, *more: str, name: str = "a") -> list[str]:
        """The command that builds the atlas."""
        return [
            "--model", f"{self.model}:network", "--images", str(self.pictures), "--resize", "24",
            "--crop", "24", "--units", "2", "--workers", "0", "--device", "cpu",
            "--experiments", "first-layer", "--name", name, "--out", str(out), *more,
        ]  # fmt: skip

    def _references(self) -> None:
        """Sites to begin with, and what undisturbed builds make of each."""
        scratch = self.scratch
        self.starts = {"none": scratch / "none", "old": scratch / "old"}
        for start in self.starts.values():
            for name, text in OTHERS.items():
                (start / name).parent.mkdir(parents=True, exist_ok=True)
                (start / name).write_text(text)
        old = self.command(self.starts["old"], "--units", "3", "--rule", "guided")
        self.parent.run(old, self.printed)
        self.ended: dict[str, Tree] = {}
        for name, start in self.starts.items():
            out = scratch / f"{name} done"
            shutil.copytree(start, out)
            if name == "none":
                self.moments = self._recorded(out)
            else:
                self.parent.run(self.command(out), self.printed)
            self.ended[name] = tree(out)

    def _recorded(self, out: Path) -> dict[str, list[int]]:
        """The numbers of the moments of an undisturbed build, by stage."""
        log = self.scratch / "log"
        self._run(self.command(out), {"log": str(log)}, out=out)
        moments: dict[str, list[int]] = {}
        for line in log.read_text().splitlines():
            number, stage, _ = line.split(" ", 2)
            moments.setdefault(stage, []).append(int(number))
        return moments

    def _wanted(self, end: str) -> Tree:
        """What builds end in that began with this site; with a second atlas for "both"."""
        if end == "both" and end not in self.ended:
            both = self.scratch / end
            shutil.copytree(self.scratch / "none done", both)
            self.parent.run(self.command(both, "--units", "1", name="b"), self.scratch / "aside")
            self.ended[end] = tree(both)
        return self.ended[end]

    @functools.cached_property
    def other(self) -> list[Path]:
        """What another build, by another rule, left when it was killed in some stages."""
        found, out = [], self.scratch / "other"
        for stage in ("scan", "reconstructions", "examples", "pages"):
            command = self.command(out, "--rule", "guided")
            self._run(command, {"kind": "SIGKILL", "at": self.moments[stage][-2]}, out=out)
            if (out / ".building-a").is_dir():
                found.append(out.with_name(f"other {stage}"))
                shutil.copytree(out / ".building-a", found[-1])
            shutil.rmtree(out)
        return found

    def end(self) -> None:
        """End the process that builds are forked from."""
        self.parent.end()

    def trials(self, count: int, kinds: Collection[str] = KINDS.keys()) -> Iterator[Outcome]:
        """Run so many trials: each kind at stages in turn, in an order that the seed decides."""
        dice = random.Random(self.seed)
        often = [kind for kind in kinds for _ in range(KINDS[kind])]
        dice.shuffle(often)
        turns = {kind: self._turns(dice) for kind in kinds}
        for kind in itertools.islice(itertools.cycle(often), count):
            yield self.trial(kind, next(turns[kind]), random.Random(dice.random()))

    def _turns(self, dice: random.Random) -> Iterator[str]:
        """Stages, each once before any comes again."""
        while True:
            stages = list(self.moments)
            dice.shuffle(stages)
            yield from stages

    def trial(self, kind: str, stage: str, dice: random.Random) -> Outcome:
        """One trial of a kind, disturbed at a moment of a stage."""
        outcome = Outcome(kind, stage)
        start = dice.choice(list(self.starts))
        began, used = time.monotonic(), _used()
        shutil.rmtree(self.out, ignore_errors=True)
        with _place(self.out, kind in ON_A_DISK) as resize:
            shutil.copytree(self.starts[start], self.out, dirs_exist_ok=True)
            self.printed.write_text("")
            self.run(outcome, start, self.moment(stage, dice), dice, resize)
        outcome.wall, outcome.cpu = time.monotonic() - began, _used() - used
        shutil.rmtree(self.out, ignore_errors=True)
        return outcome

    def moment(self, stage: str, dice: random.Random) -> int:
        """The number of a moment of a stage."""
        return dice.choice(self.moments[stage])

    def run(
        self, outcome: Outcome, start: str, at: int, dice: random.Random, resize: Resize
    ) -> None:
        """Disturb a build, run it again, and look at what there is before and after that."""
        kind, command, end = outcome.kind, self.command(self.out), start
        fault: dict[str, Any] = {"kind": kind.split(",")[0], "at": at}
        if kind.startswith(("half-done", "published", "other times")):
            fault["kind"] = "SIGKILL"
        if kind.startswith("two atlases"):
            start, end = "none", "both"
            shutil.rmtree(self.out)
            shutil.copytree(self.starts["none"], self.out)
            self._two(fault if "killed" in kind else {}, outcome)
        elif kind == "a rank that dies":
            self._ranks(command, fault | {"kind": "SIGKILL"}, dice.randrange(2), outcome)
        elif kind == "disk full, then room again":
            taken = sum(len(one) for one in tree(self.out).values()) // 1000
            resize(taken + dice.randrange(*ROOM))
            outcome.disturbed = self._run(command, {}) != [0]
        elif kind == "read-only, then not":
            resize(0)
            assert self._run(command, {}) != [0]
        elif kind == "read all the while":
            self._read_on(command, outcome)
        elif kind.startswith("published"):
            shutil.rmtree(self.out)
            shutil.copytree(self.scratch / f"{start} done", self.out)
        else:
            more = {"gap": dice.randrange(1, 4), "bytes": dice.randrange(1, 60_000)}
            if kind.startswith("worker"):
                command = [*command, "--workers", "1"]
                fault["at"] = dice.randrange(1, 2 * COUNT)
            if kind == "stalls":
                fault["at"] = dice.randrange(1, COUNT)
            outcome.disturbed = self._disturbed(
                command, fault | more | {"jump": dice.choice((1, -1))}
            )
        if not kind.startswith("published"):
            self._look(outcome, start, end)
        damaged = self._between(outcome, dice, resize)
        said = len(self.printed.read_text())
        command = self.command(self.out, *(("--workers", "1") if kind.startswith("worker") else ()))
        codes = self._run(command, {})
        if end == "both":
            codes += self._run(self.command(self.out, "--units", "1", name="b"), {})
        outcome.said = bool(SAID.search(self.printed.read_text()[said:]))
        if any(codes):
            outcome.wrong["lost"] = f"{damaged} {self.printed.read_text()[-400:]}"
        elif (found := _compared(tree(self.out), end)) != _compared(self._wanted(end), end):
            outcome.wrong["wrong bytes"] = f"{damaged} {_differences(found, self._wanted(end))}"
        self._look(outcome, end, end)
        if re.search("Traceback|Fatal Python|core dumped", self.printed.read_text()):
            outcome.wrong.setdefault("untold", self.printed.read_text()[-600:])

    def _disturbed(self, command: list[str], fault: dict[str, Any]) -> bool:
        """Run a build that a fault disturbs; whether that came to pass."""
        if fault["kind"] == "stopped":
            (process,) = self.parent.start(self._build(command, {}))
            time.sleep(0.2 + fault["at"] % 7 / 10)
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)
                time.sleep(0.5)
                os.kill(process, signal.SIGCONT)
            return self.parent.wait() == [0]
        codes = self._run(command, fault)
        return codes != [0] or fault["kind"] in ("stalls", "clock", "largest file")

    def _between(self, outcome: Outcome, dice: random.Random, resize: Resize) -> str:
        """What happens between the two builds; says what was damaged."""
        kind = outcome.kind
        if kind in ON_A_DISK:
            resize(50_000)
        if kind == "other times of files":
            for path in self.out.rglob("*"):
                when = time.time() + dice.choice((-1, 1)) * dice.random() * 3e8
                os.utime(path, (when, when), follow_symlinks=False)
        place = {"half-done work": ".building-a", "published": "a"}.get(kind.partition(":")[0])
        if place is None:
            return ""
        paths = sorted(path for path in (self.out / place).rglob("*") if path.is_file())
        if place != "a":  # what lies in the published atlas as well is the other kind's
            paths = [path for path in paths if path.stat().st_nlink == 1]
        if not paths:
            outcome.disturbed = False
            return ""
        dice.shuffle(paths)
        marks = list((self.out / place / "scratch").glob("*/key.json"))
        if marks and dice.random() < 0.7:  # what the stage that was at work left, before all else
            last = max(marks, key=lambda mark: mark.stat().st_mtime_ns).parent
            paths.sort(key=lambda path: path.parent != last or path.name == "key.json")
        how = kind.partition(": ")[2]
        for path in paths:
            name = path.relative_to(self.out / place)
            content = self._damaged(path, name, how, place, dice)
            if content is not None and content != path.read_bytes():
                path.write_bytes(content)
                return f"{how} in {name}:"
        outcome.disturbed = False
        return ""

    def _damaged(
        self, path: Path, name: Path, how: str, place: str, dice: random.Random
    ) -> bytes | None:
        """A file's content, damaged; None where it can't be."""
        content = bytearray(path.read_bytes())
        if how == "another build's":
            folders = self.other if place != "a" else [self.scratch / "old" / "a"]
            others = [folder / name for folder in folders if (folder / name).is_file()]
            return dice.choice(others).read_bytes() if others else None
        if how == "a changed bit" and content:
            where = dice.randrange(8 * len(content))
            content[where // 8] ^= 1 << where % 8
        elif content:
            del content[dice.randrange(len(content)) :]
        return bytes(content)

    def _build(self, command: list[str], fault: dict[str, Any], out: Path | None = None) -> Build:
        roots = [f"{out or self.out}/", f"{self.pictures}/"]
        environment = (("FAULT", json.dumps({**fault, "roots": roots})),) if fault else ()
        return Build(command, self.printed, environment)

    def _run(self, command: list[str], fault: dict[str, Any], out: Path | None = None) -> list[int]:
        self.parent.start(self._build(command, fault, out))
        return self.parent.wait()

    def _two(self, fault: dict[str, Any], outcome: Outcome) -> None:
        """Two atlases are built into one site at the same time; a fault comes to the first."""
        self.parent.start(
            self._build(self.command(self.out), fault),
            self._build(self.command(self.out, "--units", "1", name="b"), {}),
        )
        codes = self.parent.wait()
        found, wanted = (_compared(one, "both") for one in (tree(self.out), self._wanted("both")))
        if not fault and (any(codes) or found != wanted):  # without any build after these
            outcome.wrong["wrong bytes"] = f"{codes} {_differences(found, wanted)}"

    def _ranks(
        self, command: list[str], fault: dict[str, Any], dying: int, outcome: Outcome
    ) -> None:
        """Two ranks build, and one dies."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        builds = []
        for rank in range(2):
            own = self._build(command, fault if rank == dying else {})
            common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            ranks = {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            builds.append(Build(own.words, own.printed, (*own.environment, *ranks.items())))
        self.parent.start(*builds)
        codes = self.parent.wait()
        outcome.disturbed = codes[dying] != 0
        if outcome.disturbed and codes[1 - dying] not in (0, 1):
            outcome.wrong["untold"] = f"rank {1 - dying} ended with {codes[1 - dying]}"

    def _read_on(self, command: list[str], outcome: Outcome) -> None:
        """A reader goes through the site again and again while an atlas is built and replaced."""
        seen, stop = Counter[str](), threading.Event()

        def read() -> None:
            while not stop.is_set():
                for problem in problems(self.out):
                    outcome.wrong["half or missing"] = problem
                seen["rounds"] += 1

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for words in (command, [*command, "--units", "1"], command):
                self._run(words, {})
        finally:
            stop.set()
            reader.join()
        assert seen["rounds"] > 2

    def _look(self, outcome: Outcome, before: str, after: str) -> None:
        """The site as a reader finds it: atlases old or new, pages whole, others' files kept."""
        found = tree(self.out)
        for name, text in OTHERS.items():
            if found.get(name) != text.encode():
                outcome.wrong["others' files"] = name
        for problem in problems(self.out):
            outcome.wrong["half or missing"] = problem
        if outcome.kind in ("read all the while",) or outcome.kind.startswith("published"):
            return
        sites = [tree(self.starts[before])] if before in self.starts else []
        known = [_part(_compared(one, after), "a") for one in
                 (*sites, self._wanted(before), self._wanted(after))]  # fmt: skip
        if _part(_compared(found, after), "a") not in known:
            outcome.wrong["half or missing"] = "the atlas is neither the old one nor the new one"


Resize = Callable[[int], None]


def _compared(site: Tree, end: str) -> Tree:
    """A site without what rightly depends on which of two atlases came first.

    What a check of links looked at elsewhere is kept, so that the next needn't look again.
    """
    return {name: text for name, text in site.items() if end != "both" or ".links" not in name}


def _part(site: Tree, atlas: str) -> Tree:
    """The files of an atlas, without the mark of one that is being published."""
    here = {name: text for name, text in site.items() if name.startswith(f"{atlas}/")}
    return {name: text for name, text in here.items() if name != f"{atlas}/.publishing"}


def problems(out: Path) -> Iterator[str]:
    """What a reader finds wrong: a page that is missing or not whole, a link that leads nowhere.

    Pages are looked at in no order that is sure, while the site may change: each address that was
    there when the reader began must hold a whole page whenever it is opened. A new site's first
    page comes last: until then there is no site to read.
    """
    if not (out / "index.html").exists():
        return
    pages = ["index.html"]
    for atlas in ("a", "b"):
        with contextlib.suppress(FileNotFoundError):
            listed = (out / atlas / "addresses.txt").read_text().splitlines()
            pages += [f"{atlas}/{page}" for page in listed]
    for page in pages:
        try:
            text = (out / page).read_text()
        except (OSError, UnicodeDecodeError) as error:
            yield f"{page}: {error}"
            continue
        if not text.rstrip().endswith("</html>"):
            yield f"{page} is not whole: {text[-60:]!r}"
        for link in re.findall(r'href="([^"#?:]+\.html)', text):
            target = (out / page).parent / link
            if not target.exists():
                yield f"{page} leads to {link}, which is not there"


def _differences(found: Tree, wanted: Tree) -> str:
    changed = [name for name in wanted if name in found and found[name] != wanted[name]]
    return (
        f"missing {sorted(wanted.keys() - found.keys())[:5]}, "
        f"more {sorted(found.keys() - wanted.keys())[:5]}, changed {changed[:5]}"
    )


def _used() -> float:
    """The seconds that the processors spent on all builds so far, of all that have ended."""
    return time.process_time() + _children()


def _children() -> float:
    """Of the process that builds are forked from, and of those."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            parts = stat.read_text().rpartition(")")[2].split()
            if int(parts[1]) == os.getpid():
                total += sum(map(int, parts[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


@contextlib.contextmanager
def _place(out: Path, own: bool) -> Iterator[Resize]:
    """A folder for a site, on a disk of its own if asked for; that can be made small or closed."""
    if not own:
        yield lambda size: None
        return
    out.mkdir()

    def mount(options: str) -> None:
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(out)]
        subprocess.run(words, check=True, capture_output=True)

    mount("size=50000k")
    try:
        yield lambda size: mount(f"remount,rw,size={size}k" if size else "remount,ro")
    finally:
        subprocess.run(["umount", "--lazy", str(out)], check=True)


def can_mount(scratch: Path) -> bool:
    """Whether this process may make disks of its own."""
    try:
        with _place(scratch / "a disk", own=True):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False
