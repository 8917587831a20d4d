"""Which layers are computed from which, drawn beside a list of layers.

The drawing is like that of branches in version control: each layer stands in a row of the list and
in one of a few lanes, and lines lead down from each layer to those that are computed from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Line(NamedTuple):
    """A line from the upper edge of a row, in one lane, to its middle, in another."""

    start: int
    end: int


@dataclass(frozen=True)
class Row:
    """One layer's row: its lane, the lines above its middle, and those below.

    ``below`` holds the lanes of the lines that leave the row. Lines that pass the layer by stand in
    both.
    """

    lane: int
    above: tuple[Line, ...]
    below: tuple[int, ...]


def rows(parents: Mapping[str, Sequence[str]]) -> list[Row]:
    """A row for each layer, in order; ``parents`` holds the layers that each is computed from.

    A parent that is not among the layers stands for the input, which needs no line.
    """
    last_use = {
        parent: name for name, known in parents.items() for parent in known if parent in parents
    }
    running: dict[int, str] = {}  # by lane: the layer whose output runs down it
    drawn = []
    for name, known in parents.items():
        incoming = [lane for lane, source in sorted(running.items()) if source in known]
        passing = [lane for lane, source in sorted(running.items()) if last_use[source] != name]
        free = [lane for lane in incoming if lane not in passing]
        lane = free[0] if free else next(n for n in range(len(running) + 1) if n not in running)
        above = [Line(one, one) for one in passing] + [Line(one, lane) for one in incoming]
        running = {one: running[one] for one in passing}
        if name in last_use:
            running[lane] = name
        drawn.append(Row(lane, tuple(dict.fromkeys(above)), tuple(sorted(running))))
    return drawn


def width(drawn: Sequence[Row]) -> int:
    """How many lanes there are."""
    return 1 + max((max([row.lane, *row.below]) for row in drawn), default=0)
