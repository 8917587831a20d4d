"""Which of several rules comes out best by a measure, over units, and whether that is chance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LIKELY = 1.96  # standard errors to either side of a mean that hold it in 95 % of cases
FEWEST = 4  # units over which rules are compared


@dataclass(frozen=True)
class Score:
    """A rule's mean over units, and how far its 95 % interval reaches to either side.

    ``wins`` is whether it is better than every other rule, unit by unit, by more than chance.
    """

    rule: str
    mean: float
    error: float
    wins: bool


def contest(
    figures: Mapping[str, Sequence[float | None]], *, most: bool
) -> tuple[tuple[Score, ...], int]:
    """The scores of rules by their figures of the same units in order, and how many units count.

    Only units that have a figure by every rule count. ``most`` says whether the largest figure is
    the best. There are no scores where fewer than ``FEWEST`` count.
    """
    rows = [row for row in zip(*figures.values(), strict=True) if None not in row]
    if len(rows) < FEWEST:
        return (), len(rows)
    columns = {
        rule: [float(value) for value in column if value is not None]
        for rule, column in zip(figures, zip(*rows, strict=True), strict=True)
    }
    means = {rule: statistics.fmean(column) for rule, column in columns.items()}
    best = (max if most else min)(means, key=lambda rule: means[rule])
    ahead = all(
        _differs([a - b for a, b in zip(columns[best], column, strict=True)])
        for rule, column in columns.items()
        if rule != best
    )
    return tuple(
        Score(rule, means[rule], interval(column), ahead and rule == best)
        for rule, column in columns.items()
    ), len(rows)


def interval(values: Sequence[float]) -> float:
    """How far the 95 % interval of the mean of some values reaches to either side."""
    return LIKELY * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def _differs(differences: Sequence[float]) -> bool:
    return abs(statistics.fmean(differences)) > interval(differences)
