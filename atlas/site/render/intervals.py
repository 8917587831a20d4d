"""Means with their errors, row by row: as records that a template draws as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atlas.site.render.charts import Axis, PlacedTick, round_ticks

WIDTH, RIGHT, TOP, ROW, BOTTOM = 400, 16, 8, 26, 46
TICKS = 4
LETTER, LETTERS = 8, 22  # how wide a letter of a row's name is, at most about; and how many it has


@dataclass(frozen=True)
class Mark:
    """A mean and how far its error reaches to both sides; ``kind`` is its colour."""

    mean: float
    error: float
    kind: int
    label: str


@dataclass(frozen=True)
class PlacedMark:
    """A mark as it is drawn: its middle, and the ends of its error."""

    at: float
    low: float
    high: float
    y: float
    kind: int
    label: str


@dataclass(frozen=True)
class PlacedRow:
    """A row as it is drawn: its name, and where its text stands."""

    name: str
    y: float
    marks: tuple[PlacedMark, ...]


@dataclass(frozen=True)
class Intervals:
    """All rows as a template draws them; ``label`` says what they show to those who can't see."""

    title: str
    label: str
    axis: str
    ticks: tuple[PlacedTick, ...]
    rows: tuple[PlacedRow, ...]
    size: tuple[int, int]
    frame: tuple[int, int, int, int]


def intervals(
    title: str, label: str, *, axis: Axis, rows: Sequence[tuple[str, Sequence[Mark]]]
) -> Intervals:
    """Rows of marks, each with its name, over one axis."""
    bottom = TOP + ROW * len(rows)
    names = [_short(name) for name, _ in rows]
    edge = LETTER * max(map(len, names), default=0) + 16

    def across(value: float) -> float:
        inside = min(1.0, max(0.0, axis.at(value)))
        return round(edge + inside * (WIDTH - edge - RIGHT), 1)

    placed = []
    for number, (name, (_, marks)) in enumerate(zip(names, rows, strict=True)):
        middle = TOP + ROW * number + ROW / 2
        placed.append(
            PlacedRow(
                name,
                middle + 5,
                tuple(
                    PlacedMark(
                        across(one.mean),
                        across(one.mean - one.error),
                        across(one.mean + one.error),
                        middle - 4 + 8 * place / max(1, len(marks) - 1),
                        one.kind,
                        one.label,
                    )
                    for place, one in enumerate(marks)
                ),
            )
        )
    ticks = tuple(
        PlacedTick(across(tick), f"{tick:g}") for tick in axis.ticks or round_ticks(axis, TICKS)
    )
    size, frame = (WIDTH, bottom + BOTTOM), (edge, TOP, WIDTH - RIGHT, bottom)
    return Intervals(title, label, axis.title, ticks, tuple(placed), size, frame)


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
