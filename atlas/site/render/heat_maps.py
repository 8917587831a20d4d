"""Heat maps and maps of classes, as paths that a template draws as SVG.

A cell of a map is a square of the input frame, so a map lies over its image. Cells of one colour
are one path; colours are the style sheet's, by the number of the level or of the class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from atlas.data.records import Corners, Pair
from atlas.site import phrases

LEVELS = 10
KINDS = 7  # classes with a colour of their own; the others share the next one


@dataclass(frozen=True)
class Region:
    """All cells of one colour: the kind of the colour, and the path around them."""

    kind: str
    path: str


@dataclass(frozen=True)
class Entry:
    """A colour of the legend, and what it stands for."""

    kind: str
    text: str


@dataclass(frozen=True)
class HeatMap:
    """A map over an image of this height and width; ``label`` describes it to those who can't see.

    ``low`` and ``high`` are the ends of the scale of a heat map, "" for a map of classes, whose
    ``legend`` names the classes. ``mark`` is a box that is drawn over it, and ``outline`` a path.
    """

    label: str
    size: Pair
    regions: tuple[Region, ...]
    low: str = ""
    high: str = ""
    legend: tuple[Entry, ...] = ()
    mark: Corners | None = None
    outline: str = ""


def heat_map(
    label: str,
    grid: Sequence[Sequence[float]],
    *,
    size: Pair,
    cell: int,
    ends: tuple[float, float],
    write: Callable[[float], str],
    mark: Corners | None = None,
    outline: str = "",
) -> HeatMap:
    """A heat map of figures, in ``LEVELS`` levels from one of the ``ends`` to the other."""
    low, high = ends
    span = (high - low) or 1.0

    def level(value: float) -> int:
        return min(LEVELS - 1, max(0, int((value - low) / span * LEVELS)))

    levels = [[level(value) for value in row] for row in grid]
    regions = tuple(_regions(levels, range(LEVELS), "h", size=size, cell=cell))
    return HeatMap(label, size, regions, write(low), write(high), mark=mark, outline=outline)


def class_map(
    label: str,
    grid: Sequence[Sequence[int]],
    *,
    size: Pair,
    cell: int,
    name: Callable[[int], str],
    mark: Corners | None = None,
    outline: str = "",
) -> HeatMap:
    """A map of classes, each with its share of the places; the rarest share a colour."""
    counts: dict[int, int] = {}
    for row in grid:
        for one in row:
            counts[one] = counts.get(one, 0) + 1
    total = sum(counts.values())
    ordered = sorted(counts, key=lambda one: (-counts[one], one))
    kinds = {one: min(place, KINDS) for place, one in enumerate(ordered)}
    legend = [
        Entry(f"k{place}", f"{name(one)}, {phrases.share(counts[one], total)}")
        for place, one in enumerate(ordered[:KINDS])
    ]
    rest = ordered[KINDS:]
    if rest:
        share = 100 * sum(counts[one] for one in rest) / total
        many = "1 other" if len(rest) == 1 else f"{len(rest)} others"
        legend.append(Entry(f"k{KINDS}", f"{many}, {share:.0f} %"))
    numbers = [[kinds[one] for one in row] for row in grid]
    regions = tuple(_regions(numbers, range(KINDS + 1), "k", size=size, cell=cell))
    return HeatMap(label, size, regions, legend=tuple(legend), mark=mark, outline=outline)


def _regions(
    grid: Sequence[Sequence[int]], numbers: range, prefix: str, *, size: Pair, cell: int
) -> Iterator[Region]:
    for number in numbers:
        path = cells_path([[one == number for one in row] for row in grid], size=size, cell=cell)
        if path:
            yield Region(f"{prefix}{number}", path)


def cells_path(chosen: Sequence[Sequence[bool]], *, size: Pair, cell: int) -> str:
    """The path that fills the chosen cells: a rectangle for each run of them in a row."""
    parts = []
    for row, cells in enumerate(chosen):
        top, bottom = row * cell, min(size[0], (row + 1) * cell)
        start = None
        for column, one in enumerate([*cells, False]):
            if one and start is None:
                start = column
            elif not one and start is not None:
                left, right = start * cell, min(size[1], column * cell)
                parts.append(f"M{left} {top}H{right}V{bottom}H{left}z")
                start = None
    return "".join(parts)


def border_path(chosen: Sequence[Sequence[bool]], *, size: Pair, cell: int) -> str:
    """The path along the border between the chosen cells and others, inside the frame."""
    parts = []
    rows, columns = len(chosen), len(chosen[0])
    for row in range(rows):
        for column in range(columns):
            down, right = row * cell, column * cell
            if row and chosen[row][column] != chosen[row - 1][column]:
                parts.append(f"M{right} {down}H{min(size[1], right + cell)}")
            if column and chosen[row][column] != chosen[row][column - 1]:
                parts.append(f"M{right} {down}V{min(size[0], down + cell)}")
    return "".join(parts)
