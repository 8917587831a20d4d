"""The progress of long stages: in a terminal a bar with rate and remaining time, else nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from tqdm import tqdm

T = TypeVar("T")


class Progress(Protocol):
    """Passes items on, and shows how many have passed."""

    def __call__(self, source: Iterable[T], total: int, stage: str) -> Iterator[T]:
        """Pass on the ``total`` items of ``source`` during the stage of this name."""
        ...


def silent(source: Iterable[T], total: int, stage: str) -> Iterator[T]:
    """Pass items on and show nothing."""
    return iter(source)


@contextmanager
def announced(stage: str) -> Iterator[None]:
    """Show the name of a stage whose end can't be foreseen while it lasts, in a terminal."""
    shown = sys.stderr.isatty()
    if shown:
        print(f"{stage:>14} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def bar(source: Iterable[T], total: int, stage: str) -> Iterator[T]:
    """Pass items on and show a bar on standard error, if that is a terminal."""
    shown: Any = tqdm(
        source, total=total, desc=f"{stage:>14}", unit="", disable=not sys.stderr.isatty()
    )
    return iter(shown)
