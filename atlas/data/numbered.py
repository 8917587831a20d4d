"""What is known of a layer's units, in order of their numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Numbered(Protocol):
    """Something that is known of a unit."""

    @property
    def unit(self) -> int:
        """The unit's number."""


T = TypeVar("T", bound=Numbered)


def find(units: Sequence[T], number: int) -> T | None:
    """What is known of the unit with a number; None if it isn't among these."""
    place = bisect_left(units, number, key=lambda one: one.unit)
    return units[place] if place < len(units) and units[place].unit == number else None
