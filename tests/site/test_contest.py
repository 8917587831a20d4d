"""Rules against one another: means, intervals, and who wins by more than chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from atlas.site.contest import contest, interval

DICE = np.random.default_rng(4)
UNITS = DICE.normal(0.5, 0.3, 40)  # units differ far more than rules do
BETTER = {"a": UNITS.tolist(), "b": (UNITS + DICE.normal(0.05, 0.02, 40)).tolist()}


def test_who_is_better_unit_by_unit_wins_though_intervals_overlap() -> None:
    (a, b), count = contest(BETTER, most=True)
    assert count == 40 and b.wins and not a.wins and a.mean + a.error > b.mean - b.error
    (a, b), _ = contest(BETTER, most=False)
    assert a.wins and not b.wins


def test_nobody_wins_by_chance_or_against_an_equal() -> None:
    noise = {"a": UNITS.tolist(), "b": DICE.permutation(UNITS).tolist()}
    assert not any(one.wins for one in contest(noise, most=True)[0])
    three = {**BETTER, "c": BETTER["b"]}
    assert not any(one.wins for one in contest(three, most=True)[0])


def test_units_without_a_figure_by_every_rule_dont_count() -> None:
    figures = {"a": [None, 1.0, 2.0, 3.0, 4.0], "b": [9.0, 0.0, None, 0.0, 0.0]}
    assert contest(figures, most=True) == ((), 3)
    scores, count = contest({**figures, "b": [9.0, 0.0, 0.0, 0.0, 0.0]}, most=True)
    assert count == 4 and [one.mean for one in scores] == [2.5, 0.0] and scores[0].wins


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=30))
def test_an_interval_is_the_standard_error_of_the_mean(values: list[float]) -> None:
    expected = 1.96 * stats.sem(values)
    assert interval(values) == pytest.approx(expected, rel=1e-9, abs=1e-12)
