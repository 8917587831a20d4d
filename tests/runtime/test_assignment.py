"""Assignments against all permutations, and against SciPy's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.runtime.assignment import assigned


@pytest.mark.parametrize("seed", range(20))
def test_no_permutation_of_six_costs_less(seed: int) -> None:
    generator = np.random.default_rng(seed)
    some = generator.normal(size=(6, 6)), generator.integers(0, 3, (6, 6))  # with many ties
    for cost in some:
        found = assigned(cost)
        least = min(
            sum(cost[row, column] for row, column in enumerate(order))
            for order in itertools.permutations(range(6))
        )
        assert sorted(found) == list(range(6))
        assert cost[np.arange(6), found].sum() == pytest.approx(least, abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 20))
def test_what_scipy_finds_costs_as_much(seed: int, rows: int, more: int) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    cost = np.random.default_rng(seed).normal(size=(rows, rows + more)).round(1)
    found = assigned(cost)
    assert len(set(found)) == rows
    expected = cost[optimize.linear_sum_assignment(cost)].sum()
    assert cost[np.arange(rows), found].sum() == pytest.approx(expected, abs=1e-9)


def test_more_rows_than_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="3 rows can't be assigned to 2 columns"):
        assigned(np.zeros((3, 2)))
