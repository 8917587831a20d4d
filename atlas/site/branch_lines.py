"""The graph of a network's layers as lanes beside a list, as version control draws its branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One layer's row: the lane it stands in, and lines from one row's edge to the next.

    ``above`` holds lines (from lane, to lane) in the upper half of the row, ``below`` the lanes of
    those that leave it downwards; lines that pass the layer by are in both.
    """

    lane: int
    above: tuple[tuple[int, int], ...]
    below: tuple[int, ...]


def lanes(parents: Mapping[str, Sequence[str]]) -> list[Row]:
    """Rows for layers in order, each with the layers it is computed from.

    A parent that is not among the layers stands for the input, which needs no line of its own.
    """
    last = {
        parent: name for name, known in parents.items() for parent in known if parent in parents
    }
    held: dict[int, str] = {}  # which layer's output runs down a lane
    rows = []
    for name, known in parents.items():
        incoming = [lane for lane, source in sorted(held.items()) if source in known]
        passing = [lane for lane, source in sorted(held.items()) if last[source] != name]
        free = [lane for lane in incoming if lane not in passing]
        lane = free[0] if free else next(n for n in range(len(held) + 1) if n not in held)
        above = [(one, one) for one in passing] + [(one, lane) for one in incoming]
        held = {one: held[one] for one in passing}
        if name in last:
            held[lane] = name
        rows.append(Row(lane, tuple(dict.fromkeys(above)), tuple(sorted(held))))
    return rows


def width(rows: Sequence[Row]) -> int:
    """How many lanes there are."""
    return 1 + max((max([row.lane, *row.below]) for row in rows), default=0)
