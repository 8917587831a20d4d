"""Kill a process at every step of publishing an atlas, and check what the next start makes of it.

A program of its own, which ``test_publishing`` runs: it forks hundreds of children, and a small
process without torch forks quickly. ``python -m tests.site.killing FOLDER CASE``, where the case
is ``exchange`` (swap two atlases in one call), ``renames`` (in two) or ``first`` (no old atlas).

Python announces each call that changes the file system, just before it, as an audit event. Child
number n kills itself at the n-th event, so it has made n - 1 calls. A kill right after call n - 1
leaves the same files, so one numbering covers both. Python does not announce the writing of a
file's content: here ``Path.write_bytes`` writes it in two halves, with an event in between.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

from atlas.site import files, published_addresses, publishing

OLD = {
    "atlas.json": "old",
    "index.html": "old",
    "conv1/0.html": "old",
    "conv1/9.html": "no longer shown",  # since before the old build
    "addresses.txt": "conv1/0.html\nconv1/9.html\nindex.html\n",
}
NEW = {"atlas.json": "new", "index.html": "new", "conv2/0.html": "new"}
NEXT = {"atlas.json": "next", "index.html": "next", "conv3/0.html": "next"}
SHARED = {"index.html": "old home", "style.css": "style", "notes/a.html": "old note"}
NEW_SHARED = {"index.html": "new home", "style.css": "style", "notes/b.html": "new note"}
OTHERS = {  # another atlas, and files that this program did not make
    "other/atlas.json": "other",
    "CNAME": "example.org",
    ".draft.html.new": "precious",
    ".replaced-photos/1.jpg": "precious",
    ".publishing-plan/todo.txt": "precious",
}
NAME = "demo"
BUILDING = f".building-{NAME}"
READ_ONLY = {"os.listdir", "os.scandir", "os.walk", "os.fwalk"}

Tree = dict[str, bytes | None]


def tree(folder: Path) -> Tree:
    """Every file of a folder with its content, and every folder with None."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def site_of(out: Path) -> Tree:
    """The site as ``tree`` gives it, without the folder where the atlas is built."""
    return {path: text for path, text in tree(out).items() if path.split("/")[0] != BUILDING}


def write(folder: Path, contents: Mapping[str, str]) -> None:
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def build(out: Path, contents: Mapping[str, str]) -> Path:
    """A finished build, as the program makes it: it has a page at every published address."""
    folder = out / BUILDING / "atlas"
    write(folder, contents)
    known = published_addresses.listed(out / NAME)
    write(folder, {page: "no longer shown" for page in known if page not in contents})
    published_addresses.add_listed(folder, known)
    return folder


def publish(out: Path) -> None:
    publishing.publish(out / BUILDING / "atlas", out=out, name=NAME, shared=NEW_SHARED)


def write_in_halves(path: Path, content: bytes) -> int:
    with path.open("wb", buffering=0) as file:
        half = len(content) // 2
        file.write(content[:half])
        sys.audit("killing.write", path)
        file.write(content[half:])
    return len(content)


def changes_files(event: str, arguments: tuple) -> bool:
    """Whether an audit event announces a call that may change the file system."""
    if event == "open":
        _, mode, flags = arguments
        return bool(set(mode or "") & set("wax+")) or bool(flags & (os.O_ACCMODE | os.O_CREAT))
    return event.startswith(("os.", "shutil.", "atlas.", "killing.")) and event not in READ_ONLY


def is_killed(step: int, action: Callable[[Path], None], out: Path) -> bool:
    """Run an action in a child that kills itself at a step; False if it ends before that."""
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        assert status in (0, signal.SIGKILL), "the child failed"
        return status != 0
    steps: list[str] = []

    def count_steps(event: str, arguments: tuple) -> None:
        if changes_files(event, arguments):
            steps.append(event)
            if len(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.addaudithook(count_steps)
        action(out)
        assert steps.count("open") == steps.count("killing.write"), "use Path.write_bytes"
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def killed_at_every_step(out: Path, start: Path, action: Callable[[Path], None]) -> Iterator[None]:
    """Copy the site ``start`` to ``out`` and kill an action on it, each time a step later."""
    killed, steps = True, count(1)
    while killed:
        shutil.copytree(start, out, copy_function=os.link)
        killed = is_killed(next(steps), action, out)
        if killed:
            yield
        shutil.rmtree(out)


class Check:
    """What must hold after a killed publication, for a site with or without an old atlas."""

    def __init__(self, scratch: Path, has_old: bool, always_there: bool) -> None:
        """With ``always_there``, the old or the new atlas must be there before any recovery."""
        self.scratch, self.has_old, self.always_there = scratch, has_old, always_there
        self.start = scratch / "start"
        write(self.start, OTHERS)
        if has_old:
            write(self.start, SHARED)
            write(self.start / NAME, OLD)
        self.build = tree(build(self.start, NEW))
        write(self.start, {f"{BUILDING}/atlas/conv2/.0.html.new": "of an interrupted write"})
        done = scratch / "done"
        shutil.copytree(self.start, done)
        publish(done)
        self.before, self.after = site_of(self.start), site_of(done)
        assert tree(done / NAME) == self.build
        assert all((done / path).read_text() == text for path, text in NEW_SHARED.items())
        self.counts = dict.fromkeys(("kills", "old", "new", "kills in recovery"), 0)

    def run(self) -> dict[str, int]:
        """Kill ``publish`` at every step, and then ``recover``; returns how often."""
        out, again = self.scratch / "killed", self.scratch / "killed again"
        known: list[Tree] = []
        for _ in killed_at_every_step(out, self.start, publish):
            self.counts["kills"] += 1
            if self.always_there:
                self.check_readers(out)
            if (left := tree(out)) not in known:  # it decides what recovery does
                known.append(left)
                for _ in killed_at_every_step(again, out, publishing.recover):
                    self.counts["kills in recovery"] += 1
                    publishing.recover(again)
                    self.check_recovered(again)
            publishing.recover(out)
            self.counts[self.check_recovered(out)] += 1
            self.check_next_build(out)
        return self.counts

    def check_readers(self, out: Path) -> None:
        """Before any recovery, the site has the whole old atlas or the whole new one."""
        found = {path: text for path, text in tree(out / NAME).items() if path != ".publishing"}
        assert found in (tree(self.start / NAME), self.build), found

    def check_recovered(self, out: Path) -> str:
        """The site is as before or as after publishing, byte for byte; returns "old" or "new"."""
        found = site_of(out)
        if found == self.after:
            return "new"
        assert found == self.before, found
        finished = tree(out / BUILDING / "atlas")
        assert {path: finished[path] for path in self.build} == self.build  # nothing is lost
        return "old"

    def check_next_build(self, out: Path) -> None:
        """The next build publishes, knows all addresses, and leaves nothing hidden."""
        known = published_addresses.listed(out / NAME)
        assert set(known) >= ({"conv1/0.html", "conv1/9.html"} if self.has_old else set())
        shutil.rmtree(out / BUILDING, ignore_errors=True)
        build(out, NEXT)
        publish(out)
        shutil.rmtree(out / BUILDING)
        assert set(published_addresses.listed(out / NAME)) == {*known, "index.html", "conv3/0.html"}
        for page in published_addresses.listed(out / NAME):
            assert (out / NAME / page).is_file(), page
        hidden = {path.name for path in (out / NAME).rglob("*") if path.name.startswith(".")}
        assert hidden == {".addresses.json"}
        top = {path.name for path in out.iterdir()}
        assert top == {path.split("/")[0] for path in (*OTHERS, *NEW_SHARED, NAME)}, top
        found = tree(out)
        assert {path: found[path] for path in OTHERS} == {
            path: text.encode() for path, text in OTHERS.items()
        }


def main() -> None:
    scratch, case = Path(sys.argv[1]), sys.argv[2]
    Path.write_bytes = write_in_halves  # type: ignore[method-assign, assignment]
    if case == "renames":
        files.exchange = lambda one, other: False
    check = Check(scratch, has_old=case != "first", always_there=case == "exchange")
    print(json.dumps(check.run()))


if __name__ == "__main__":
    main()
