"""Which files have changed since a moment ago, by time and size: a few dozen at a glance."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

TICK = 0.15  # seconds between two glances; what is being written is left alone for one

States = dict[Path, tuple[int, int]]  # each file's time of last change, and its size


@dataclass
class Watch:
    """Files and folders that are watched, each as it was last seen."""

    seen: dict[Path, States] = field(default_factory=dict)

    def look_at(self, paths: Iterable[Path]) -> None:
        """Watch these paths from now on, and no others; there may be nothing yet."""
        self.seen = {
            path: self.seen[path] if path in self.seen else _states(path) for path in paths
        }

    def wait(self) -> list[Path]:
        """Wait until files have changed and then rest; returns which."""
        before, last = self.seen, self.seen
        while (now := self._glance()) != last or now == before:
            last = now
            time.sleep(TICK)
        self.seen = now
        old, new = _together(before), _together(now)
        return sorted(file for file in {*old, *new} if old.get(file) != new.get(file))

    def _glance(self) -> dict[Path, States]:
        return {path: _states(path) for path in self.seen}


def _together(states: Mapping[Path, States]) -> States:
    return {file: state for some in states.values() for file, state in some.items()}


def _states(path: Path) -> States:
    """The files at a path, or in the folder there, without those that editors hide."""
    states: States = {}
    with suppress(OSError):  # gone in between
        for file in path.iterdir() if path.is_dir() else [path]:
            if not file.name.startswith(".") and not file.name.endswith("~") and file.exists():
                found = file.stat()
                states[file] = (found.st_mtime_ns, found.st_size)
    return states
