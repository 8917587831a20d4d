"""How alike two sets of units are, against slow formulas and planted answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from atlas.experiments import likeness
from atlas.experiments.likeness import cka, correlations, matched, moments, observed, total

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(70, 6)) @ RANDOM.normal(size=(6, 6)) + 3
Y = 0.4 * X[:, [2, 0, 1, 5, 4, 3]] + RANDOM.normal(size=(70, 6))


def slow_cka(x: np.ndarray, y: np.ndarray) -> float:
    """By Gram matrices of all observations, as Kornblith et al. define it."""
    count = len(x)
    centring = np.eye(count) - 1 / count
    gram_x, gram_y = x @ x.T, y @ y.T

    def hsic(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.trace(one @ centring @ other @ centring))

    return hsic(gram_x, gram_y) / float(np.sqrt(hsic(gram_x, gram_x) * hsic(gram_y, gram_y)))


def test_cka_is_what_gram_matrices_give() -> None:
    assert cka(moments(X, Y)) == pytest.approx(slow_cka(X, Y), rel=1e-9)
    wide = RANDOM.normal(size=(70, 9))
    assert cka(moments(X, wide)) == pytest.approx(slow_cka(X, wide), rel=1e-9)


def test_cka_doesn_t_see_rotation_scale_or_shift() -> None:
    rotation, _ = np.linalg.qr(RANDOM.normal(size=(6, 6)))
    assert cka(moments(X, 7 * X @ rotation + 2)) == pytest.approx(1)
    assert cka(moments(X, np.ones_like(X))) == 0


def test_correlations_are_numpy_s() -> None:
    expected = np.corrcoef(X.T, Y.T)[:6, 6:]
    np.testing.assert_allclose(correlations(moments(X, Y)), expected, atol=1e-10)


def test_a_constant_unit_correlates_with_none() -> None:
    some = X.copy()
    some[:, 2] = 0.1
    found = correlations(moments(some, Y))
    assert not found[2].any() and found[1].any()


def test_moments_of_parts_add_up() -> None:
    parts = [moments(X[:30], Y[:30]).named("a"), moments(X[30:], Y[30:]).named("a")]
    whole = moments(X, Y)
    for name, value in vars(total(parts, "a")).items():
        np.testing.assert_allclose(value, getattr(whole, name))


def test_matches_add_up_to_the_most_of_all_permutations() -> None:
    found = correlations(moments(X, Y))
    best = max(
        sum(found[row, column] for row, column in enumerate(order))
        for order in itertools.permutations(range(6))
    )
    assert sum(r for _, _, r in matched(found)) == pytest.approx(best)


def test_permuted_units_match_exactly() -> None:
    order = RANDOM.permutation(6)
    assert [(x, y) for x, y, _ in matched(correlations(moments(X, X[:, order])))] == [
        (int(unit), int(place)) for unit, place in sorted(zip(order, range(6), strict=True))
    ]


@pytest.mark.parametrize("more", [2, -2])
def test_the_smaller_set_is_matched_whole(more: int) -> None:
    found = matched(RANDOM.normal(size=(6, 6 + more)))
    assert len(found) == min(6, 6 + more)
    for side in (0, 1):
        assert len({pair[side] for pair in found}) == len(found)


def test_observations_are_at_places_spread_over_the_map() -> None:
    maps = np.arange(2 * 3 * 20 * 5).reshape(2, 3, 20, 5)
    found = observed(maps)
    assert found.shape == (2, likeness.PLACES * 5, 3)
    rows = [1, 3, 6, 8, 11, 13, 16, 18]
    for place, (row, column) in enumerate(itertools.product(rows, range(5))):
        assert (found[:, place] == maps[:, :, row, column]).all()
