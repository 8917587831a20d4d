"""Disks of any size for tests."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Resize = Callable[[int], None]  # to so many kB


@contextmanager
def disk(place: Path, size: int) -> Iterator[Resize]:
    """A disk of so many kB at a place: a real one, in memory. Skips the test where none is had."""
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)]
    try:
        subprocess.run(options, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine mounts no disk for a test")

    def resize(size: int) -> None:
        again = ["mount", "-o", f"remount,size={size}k", str(place)]
        subprocess.run(again, check=True, capture_output=True)

    try:
        yield resize
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
