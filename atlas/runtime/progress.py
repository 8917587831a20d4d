"""Progress of the long stages: a bar with rate and time left, and nothing outside a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

from tqdm import tqdm

T = TypeVar("T")


class Progress(Protocol):
    """Passes on what it is given, and shows how far it has come."""

    def __call__(self, source: Iterable[T], total: int, stage: str) -> Iterator[T]:
        """Pass on ``source``, of ``total`` items, during a stage."""
        ...


def silent(source: Iterable[T], total: int, stage: str) -> Iterator[T]:
    """Show nothing."""
    return iter(source)


def bar(source: Iterable[T], total: int, stage: str) -> Iterator[T]:
    """Show a bar on standard error, if that is a terminal."""
    shown: Any = tqdm(
        source, total=total, desc=f"{stage:>14}", unit="", disable=not sys.stderr.isatty()
    )
    return iter(shown)
