"""Deletion curves of units: what of an activation is there at several shares of its pixels."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.numbered import find
from atlas.data.rounding import rounded

CHOICES = ("all", "representative", "none")
ALL, REPRESENTATIVE, NONE = CHOICES
# Student's t beyond which 2.5 % lie, for 1 to 8 degrees of freedom
T = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31)


class Between(Struct, frozen=True):
    """A mean over a unit's winners, and how far its 95 % interval reaches to either side.

    ``error`` is None for a single winner.
    """

    mean: float
    error: float | None


class UnitCurves(Struct, frozen=True):
    """The curves of a unit, means over its winners at each of its layer's shares.

    ``kept`` and ``left`` are in the order of its reconstructions, the others in a shifted order.
    ``kept_between`` is the area by which ``kept`` lies above the shifted order's curve, and
    ``left_between`` the area by which ``left`` lies below.
    """

    unit: int
    kept: tuple[float, ...]
    left: tuple[float, ...]
    kept_elsewhere: tuple[float, ...]
    left_elsewhere: tuple[float, ...]
    kept_between: Between
    left_between: Between


class LayerCurves(Struct, frozen=True):
    """The curves of some of a layer's units, at ``shares`` of the cells, from none to all."""

    shares: tuple[float, ...]
    units: tuple[UnitCurves, ...]

    def of(self, number: int) -> UnitCurves | None:
        """A unit's, by its number."""
        return find(self.units, number)


CURVES = Document("curves", LayerCurves)


def area(shares: Sequence[float], curve: Sequence[float]) -> float:
    """The area below a curve over shares from 0 to 1, by straight lines between its points."""
    return sum(
        (right - left) * (one + other) / 2
        for left, right, one, other in zip(shares, shares[1:], curve, curve[1:], strict=False)
    )


def between(values: Sequence[float]) -> Between:
    """The mean of up to nine values, with its interval by Student's t."""
    if len(values) < 2:
        return Between(rounded(values[0]), None)
    error = T[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))
    return Between(rounded(statistics.fmean(values)), rounded(error))
