"""Charts: round ticks, and points where the axes say."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.site.render.charts import (
    BOTTOM,
    COLOURS,
    HEIGHT,
    LEFT,
    RIGHT,
    TICKS,
    TOP,
    WIDTH,
    Axis,
    Dot,
    Line,
    PlacedTick,
    chart,
    round_ticks,
)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_within_the_axis_and_neither_few_nor_many(low: float, span: float) -> None:
    axis = Axis("x", low, low + span)
    span = axis.high - axis.low
    if span < 1e-9 * max(1, abs(low)):
        return  # nothing that numbers could tell apart
    ticks = round_ticks(axis)
    step = 10 ** round(math.log10(span))  # of the order of the axis
    assert 2 <= len(ticks) <= TICKS + 1
    assert all(low - 1e-6 * span <= tick <= axis.high + 1e-6 * span for tick in ticks)
    gaps = [b - a for a, b in pairwise(ticks)]
    assert max(gaps) - min(gaps) < 1e-6 * max(step, abs(low))
    leading = f"{gaps[0]:.0e}"[0]
    assert leading in "125"


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 0.5, (0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        (-34, 34, (-20, 0, 20)),
        (0, 47, (0, 10, 20, 30, 40)),
        (3, 3, (3,)),
    ],
)
def test_ticks_of_usual_axes(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert round_ticks(Axis("x", low, high)) == ticks


def test_points_stand_where_the_axes_say() -> None:
    x, y = Axis("x", -1, 3), Axis("y", 10, 20, ticks=(10, 15))
    found = chart(
        "a chart", x=x, y=y,
        lines=[Line("one", [(-1, 10), (1, 15), (3, 20)])],
        dots=[Dot(3, 10, "corner", "page.html", 2)],
        boxes=[(1, 20, -1, 15)],
    )  # fmt: skip
    left, top, right, bottom = found.frame
    assert (left, top, right, bottom) == (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)
    middle = f"{(left + right) / 2:g},{(top + bottom) / 2:g}"
    assert found.lines[0].paths == (f"{left},{bottom} {middle} {right},{top}",)
    (dot,) = found.dots
    assert (dot.x, dot.y, dot.label, dot.href, dot.kind) == (
        right,
        bottom,
        "corner",
        "page.html",
        2,
    )
    (box,) = found.boxes  # its corners in any order
    assert (box.x, box.y) == (left, top)
    assert (box.width, box.height) == ((right - left) / 2, (bottom - top) / 2)
    assert [(tick.at, tick.text) for tick in found.y_ticks] == [
        (bottom, "10"), ((top + bottom) / 2, "15"),
    ]  # fmt: skip
    assert [tick.text for tick in found.x_ticks] == ["−1", "0", "1", "2", "3"]


def test_a_point_without_a_value_breaks_its_line() -> None:
    points = [(0, 0), (1, None), (2, 1), (3, 1), (4, None)]
    (line,) = chart("c", x=Axis("x", 0, 4), y=Axis("y", 0, 1), lines=[Line("l", points)]).lines
    assert [path.count(",") for path in line.paths] == [1, 2]


def test_every_line_has_a_colour() -> None:
    lines = [Line(str(n), [(0, 0)], dashed=n == 9) for n in range(COLOURS + 2)]
    found = chart("c", x=Axis("x", 0, 1), y=Axis("y", 0, 1), lines=lines).lines
    assert [line.kind for line in found] == [*range(COLOURS), 0, 1]
    assert [line.dashed for line in found] == [False] * 9 + [True]


@given(st.lists(st.text("mil1", min_size=1, max_size=30), min_size=1, max_size=60))
def test_names_of_ticks_have_room_and_the_last_is_always_there(names: list[str]) -> None:
    places = tuple(range(len(names)))
    axis = Axis("", 0, max(1, len(names) - 1), places, tuple(names))
    ticks = chart("", x=axis, y=Axis("", 0, 1)).x_ticks
    assert ticks[-1].text == names[-1] and ticks[-1].inside
    drawn = {tick.at: tick for tick in ticks}
    plain = chart("", x=Axis("", 0, axis.high, places), y=Axis("", 0, 1)).x_ticks
    where = {tick.at: name for tick, name in zip(plain, names, strict=True)}
    assert all(where[at] == tick.text for at, tick in drawn.items())
    letter = 10  # as wide as those of the style sheet are on a phone

    def ends(tick: PlacedTick) -> tuple[float, float]:
        width = letter * len(tick.text)
        left = tick.at - (width if tick.inside else width / 2)
        return left, left + width

    assert all(ends(a)[1] < ends(b)[0] for a, b in pairwise(ticks))
    assert ends(ticks[-1])[1] <= WIDTH - RIGHT
