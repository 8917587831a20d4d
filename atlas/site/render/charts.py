"""Charts: lines and dots over two axes, as records that a template draws as SVG.

Everything is placed in a frame of ``WIDTH`` by ``HEIGHT`` units of the SVG; its size on the page is
the style sheet's. Colours come from the style sheet, too, by the number of the line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 84, 20, 16, 48  # room around the frame for the axes' texts
TICKS = 6  # on an axis, about
LETTER = 10  # that a letter of a tick's name takes, at most about
COLOURS = 8  # of the style sheet's; the ninth line has the first one's again


@dataclass(frozen=True)
class Axis:
    """An axis: what it shows, from where to where; ``ticks`` replaces round numbers on it.

    ``names`` are what the ticks of an axis across are called; those that have room are drawn.
    """

    title: str
    low: float
    high: float
    ticks: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    def at(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return (value - self.low) / ((self.high - self.low) or 1.0)


@dataclass(frozen=True)
class Line:
    """A line through points (x, y), in order; a point whose y is None breaks it.

    ``dashed`` sets apart what a line is compared with.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """A point with the page it leads to, and what it says when pointed at; ``kind`` is a colour."""

    x: float
    y: float
    label: str
    href: str = ""
    kind: int = 0


@dataclass(frozen=True)
class PlacedTick:
    """A tick as it is drawn; a text that is ``inside`` ends at the tick, for lack of room."""

    at: float
    text: str
    inside: bool = False


@dataclass(frozen=True)
class PlacedLine:
    """A line as it is drawn: the paths of its unbroken parts, and the number of its colour."""

    name: str
    paths: tuple[str, ...]
    kind: int
    dashed: bool


@dataclass(frozen=True)
class PlacedDot:
    """A dot as it is drawn."""

    x: float
    y: float
    label: str
    href: str
    kind: int


@dataclass(frozen=True)
class PlacedBox:
    """A rectangle as it is drawn behind the rest."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """A chart as a template draws it; ``label`` says what it shows to those who can't see it."""

    label: str
    x_title: str
    y_title: str
    x_ticks: tuple[PlacedTick, ...]
    y_ticks: tuple[PlacedTick, ...]
    lines: tuple[PlacedLine, ...] = ()
    dots: tuple[PlacedDot, ...] = ()
    boxes: tuple[PlacedBox, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    frame: tuple[int, int, int, int] = field(default=(LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM))

    @property
    def role(self) -> str:
        """Its role: what holds links is no single picture."""
        return "group" if any(dot.href for dot in self.dots) else "img"


def chart(
    label: str,
    *,
    x: Axis,
    y: Axis,
    lines: Sequence[Line] = (),
    dots: Sequence[Dot] = (),
    boxes: Sequence[tuple[float, float, float, float]] = (),
) -> Chart:
    """A chart of lines and dots; ``boxes`` (x, y, x, y) are areas set apart behind them."""
    return Chart(
        label,
        x.title,
        y.title,
        _named(x)
        if x.names
        else tuple(PlacedTick(_x(x, tick), _text(tick)) for tick in x.ticks or round_ticks(x)),
        tuple(PlacedTick(_y(y, tick), _text(tick)) for tick in y.ticks or round_ticks(y)),
        tuple(
            PlacedLine(line.name, _paths(line.points, x, y), number % COLOURS, line.dashed)
            for number, line in enumerate(lines)
        ),
        tuple(PlacedDot(_x(x, d.x), _y(y, d.y), d.label, d.href, d.kind) for d in dots),
        tuple(_box(box, x, y) for box in boxes),
    )


def round_ticks(axis: Axis, count: int = TICKS) -> tuple[float, ...]:
    """Round numbers between an axis's ends: steps of 1, 2 or 5 times a power of ten."""
    span = axis.high - axis.low
    if span <= 0:
        return (axis.low,)
    step = 10 ** math.floor(math.log10(span / count))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= count)
    first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
    return tuple(round(number * step, 12) for number in range(first, last + 1))


def _named(axis: Axis) -> tuple[PlacedTick, ...]:
    """Evenly spaced ticks by their names: the last, which ends at the frame, and those before it
    that have room."""
    last = len(axis.names) - 1
    apart = (_x(axis, axis.ticks[-1]) - _x(axis, axis.ticks[0])) / max(1, last)
    longest = max(map(len, axis.names))
    room = (1.5 * longest + 1) * LETTER  # all of the last name is left of its tick
    every = math.ceil(room / apart) if apart else 1
    return tuple(
        PlacedTick(_x(axis, tick), name, inside=number == last)
        for number, (tick, name) in enumerate(zip(axis.ticks, axis.names, strict=True))
        if (last - number) % every == 0
    )


def _x(axis: Axis, value: float) -> float:
    return round(LEFT + axis.at(value) * (WIDTH - LEFT - RIGHT), 1)


def _y(axis: Axis, value: float) -> float:
    return round(HEIGHT - BOTTOM - axis.at(value) * (HEIGHT - TOP - BOTTOM), 1)


def _paths(points: Sequence[tuple[float, float | None]], x: Axis, y: Axis) -> tuple[str, ...]:
    parts: list[list[str]] = [[]]
    for across, up in points:
        if up is None:
            parts.append([])
        else:
            parts[-1].append(f"{_x(x, across):g},{_y(y, up):g}")
    return tuple(" ".join(part) for part in parts if part)


def _box(box: tuple[float, float, float, float], x: Axis, y: Axis) -> PlacedBox:
    left, right = sorted((_x(x, box[0]), _x(x, box[2])))
    top, bottom = sorted((_y(y, box[1]), _y(y, box[3])))
    return PlacedBox(left, top, round(right - left, 1), round(bottom - top, 1))


def _text(value: float) -> str:
    return f"{value:g}".replace("-", "−")
