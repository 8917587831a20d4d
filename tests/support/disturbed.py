"""What disturbs a build from within its process, at a moment that was chosen.

Python announces what a process does with files as audit events, just before it does it. The n-th
event of a build that concerns its site or its images is a moment; so are each commit of a
checkpoint and the middle of each file that is written. A fault comes at one moment: a signal that
the process sends itself, an error that the call meets, or a change of what it works with.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COMMIT, HALF = "disturbed.commit", "disturbed.half"
LASTING = ("EDQUOT", "EROFS")  # errors that stay until the process ends; others come once
JUMP = 10 * 366 * 86_400  # seconds


class Disturbance:
    """Counts a process's moments, and brings a fault at one of them.

    ``fault`` holds ``roots``, folders that count; ``kind`` and ``at``, the fault's number of a
    moment; ``log``, a file for a line of each moment: its number, stage and event.
    """

    def __init__(self, fault: dict[str, Any]) -> None:
        self.fault, self.count, self.stage = fault, 0, "start"
        self.process, self.done = os.getpid(), False
        self.log = os.open(fault["log"], os.O_WRONLY | os.O_CREAT) if "log" in fault else None

    def begin(self) -> None:
        """Look at all that this process does from now on."""
        from atlas.runtime.checkpoint import Checkpoint

        commit = Checkpoint.commit

        def announced(checkpoint: Checkpoint) -> None:
            sys.audit(COMMIT, self.fault["roots"][0])
            commit(checkpoint)

        Checkpoint.commit = announced  # type: ignore[method-assign]
        Path.write_bytes = _in_halves  # type: ignore[method-assign, assignment]
        sys.addaudithook(self.see)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at an event, which is a moment or none."""
        path = _path(arguments)
        if not path or not any(path.startswith(root) for root in self.fault["roots"]):
            return
        if not event.startswith(("open", "os.", "shutil.", "atlas.", "sqlite3.", "disturbed.")):
            return
        kind = self.fault.get("kind", "")
        if kind.startswith("worker") == (os.getpid() == self.process):
            return  # a process that decodes images, or not one
        if kind in ("stalls", "worker memory", "worker killed") and not _is_image(path):
            return
        self.count += 1
        self.stage = _stage(path) or self.stage
        if self.log is not None:
            os.write(self.log, f"{self.count} {self.stage} {event}\n".encode())
        at = self.fault.get("at", 0)
        if self.count == at or (self.done and self._again(event, arguments, self.count - at)):
            self.done = True
            self.act(kind, event, arguments)

    def _again(self, event: str, arguments: tuple[Any, ...], since: int) -> bool:
        kind = self.fault["kind"]
        if kind == "SIGINT twice":
            return since == self.fault["gap"]
        return kind in LASTING

    def act(self, kind: str, event: str, arguments: tuple[Any, ...]) -> None:
        """Bring the fault."""
        if kind.startswith("SIG"):
            os.kill(os.getpid(), getattr(signal, kind.split()[0]))
        elif kind == "worker killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif kind in ("memory", "worker memory"):
            raise MemoryError("as if there were none left")
        elif hasattr(errno, kind):
            _fail(getattr(errno, kind), event, arguments)
        elif kind == "largest file":
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.fault["bytes"], -1))
        elif kind == "stalls":
            time.sleep(0.5)
        elif kind == "clock":
            now, jump = time.time, self.fault["jump"] * JUMP
            time.time = lambda: now() + jump
            time.time_ns = lambda: int(1e9 * (now() + jump))


def _path(arguments: tuple[Any, ...]) -> str:
    for one in arguments[:2]:
        if isinstance(one, str | bytes | os.PathLike):
            return os.fsdecode(one)
    return ""


def _stage(path: str) -> str:
    """The part of a build that a path tells, "" where it tells none."""
    if "/.publishing-" in path:
        return "publishing"
    if "/scratch/" in path:
        parts = path.partition("/scratch/")[2].split("/")
        return parts[0] if len(parts) > 1 else ""
    if "/.building-" in path and path.endswith((".html", ".html.new")):
        return "pages"
    return ""


def _is_image(path: str) -> bool:
    return path.endswith(".png") and "/.building-" not in path


def _fail(number: int, event: str, arguments: tuple[Any, ...]) -> None:
    """Let the call fail, if it would change anything."""
    if event == COMMIT:
        raise sqlite3.OperationalError("disk I/O error")
    if event == "open":
        _, mode, flags = arguments
        changes = bool(set(mode or "") & set("wax+")) or bool(flags & (os.O_ACCMODE | os.O_CREAT))
    else:
        changes = event not in ("os.listdir", "os.scandir", "os.walk", "sqlite3.connect")
    if changes and not event.startswith("sqlite3."):
        raise OSError(number, os.strerror(number))


def _in_halves(path: Path, content: bytes) -> int:
    with path.open("wb") as file:  # which goes on, or fails, where less is written than asked
        half = len(content) // 2
        file.write(content[:half])
        file.flush()
        sys.audit(HALF, path)
        file.write(content[half:])
    return len(content)


def compiled_once() -> None:
    """Templates that are compiled once stay so for the processes that are forked."""
    import functools

    from jinja2 import Environment

    compiled: Callable[..., Any] = Environment.compile
    known: dict[tuple[Any, ...], Any] = {}

    @functools.wraps(compiled)
    def compile_(self: Environment, source: Any, name: Any = None, filename: Any = None,
                 raw: bool = False, defer_init: bool = False) -> Any:  # fmt: skip
        key = (source, name, filename, raw, defer_init)
        if not isinstance(source, str):
            return compiled(self, *key)
        if key not in known:
            known[key] = compiled(self, *key)
        return known[key]

    Environment.compile = compile_  # type: ignore[method-assign]
