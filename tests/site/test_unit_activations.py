"""Percentiles on the chart of a unit's activations: their words fit, each at its line."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from atlas.data import levels
from atlas.data.records import Sample, Unit, Winner
from atlas.site.render.unit_activations import _BEFORE, WORD, Tick, _ticks

LOWEST, STOP = 100, 148  # levels


def ticks_at(*places: float) -> tuple[Tick, ...]:
    """The ticks of percentiles that stand at these parts of the chart, from the right."""
    low, high = levels.lower_bound(LOWEST), levels.lower_bound(STOP)
    values = [low * (high / low) ** place for place in sorted(places)]
    box = (0, 0, 4, 4)
    spectrum = tuple(
        Sample(percent, Winner(0, "0.png", None, value, (0, 0), box, box))
        for percent, value in zip(
            (25.0, 50.0, 90.0, 99.0, 99.9)[-len(values) :], values, strict=True
        )
    )
    return _ticks(Unit(3, 5, (), spectrum=spectrum), LOWEST, STOP)


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=5))
def test_words_that_are_shown_meet_no_other_and_stay_within_the_chart(places: list[float]) -> None:
    ticks = ticks_at(*places)
    assert len(ticks) == len(places)
    for row in (0, 1):
        shown = [one for one in ticks if one.row == row and not one.tight]
        ends = [(one.x - WORD * _BEFORE[one.anchor], one.x + WORD * (1 - _BEFORE[one.anchor]))
                for one in shown]  # fmt: skip
        assert all(left >= 0 and right <= 100 for left, right in ends)
        assert all(lower[1] <= upper[0] for upper, lower in pairwise(ends))
    assert not ticks[0].tight


def test_a_word_ends_at_its_line_where_there_is_no_room_on_both_sides() -> None:
    told = [(one.text, one.anchor, one.tight) for one in ticks_at(0.98, 0.91, 0.79, 0.68)]
    assert told == [
        ("99.9 %", "end", False), ("99 %", "end", False), ("90 %", "end", False),
        ("50 %", "end", False),
    ]  # fmt: skip
