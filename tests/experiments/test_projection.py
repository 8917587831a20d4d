"""Places in two dimensions, and the cells of a grid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from atlas.data.experiments.maps import beside, cells, grid
from atlas.experiments import projection


@pytest.mark.parametrize("count", [1, 2, 3, 5, 24, 47, 48, 80, 96, 112, 500, 600, 601])
def test_cells_fill_a_grid_without_gap_or_overlap(count: int) -> None:
    rows, columns = grid(count)
    found = cells(count)
    assert len(set(found)) == count
    assert rows * columns - count < columns  # only the last row may end early
    full = {(row, column) for row in range(rows) for column in range(columns)}
    last = sorted(full - set(found))
    assert last == [(rows - 1, column) for column in range(columns - len(last), columns)]
    assert columns <= 1.6 * count**0.5 + 1


def test_no_other_way_to_fill_the_grid_moves_places_less() -> None:
    places = np.random.default_rng(3).random((6, 2))
    rows, columns = grid(6)
    steps = np.array([columns, rows])

    def moved(order: tuple[tuple[int, int], ...]) -> float:
        centres = np.array([(column + 0.5, row + 0.5) for row, column in order])
        return float(np.square(places * steps - centres).sum())

    found = tuple(projection.snapped(places))
    assert set(found) == set(cells(6))
    assert moved(found) == pytest.approx(min(map(moved, itertools.permutations(cells(6)))))


def test_places_that_are_a_grid_already_stay() -> None:
    rows, columns = grid(24)
    centres = [((column + 0.5) / columns, (row + 0.5) / rows) for row, column in cells(24)]
    assert tuple(projection.snapped(np.array(centres))) == cells(24)


def test_principal_components_are_eigenvectors_of_the_covariance() -> None:
    features = np.random.default_rng(0).normal(size=(30, 5)) * [1, 5, 2, 9, 1]
    found = projection.principal(features)
    _, vectors = np.linalg.eigh(np.cov(features.T))
    expected = (features - features.mean(0)) @ vectors[:, [-1, -2]]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("way", [projection.COMPONENTS, "t-SNE"])
def test_groups_stay_together_the_same_in_every_run(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way != projection.COMPONENTS:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    monkeypatch.setattr(projection, "method", lambda: way)
    generator = np.random.default_rng(1)
    group = np.arange(40) % 4
    features = 20 * np.eye(4)[group] @ generator.normal(size=(4, 10))
    features += generator.normal(size=features.shape)
    places = projection.placed(features)
    assert np.array_equal(places, projection.placed(features))
    assert places.min() == 0 and places.max() == 1
    own = projection.nearest(places)
    assert np.mean(group[own] == group) == 1


def test_equal_or_few_features_have_places(monkeypatch: pytest.MonkeyPatch) -> None:
    for features in (np.zeros((20, 3)), np.ones((1, 4)), np.eye(3)[:, :1]):
        assert np.isfinite(projection.placed(features)).all()


def test_the_nearest_is_another() -> None:
    features = np.random.default_rng(2).normal(size=(12, 3))
    for one, other in enumerate(projection.nearest(features)):
        distances = [np.linalg.norm(features[one] - features[n]) for n in range(12)]
        distances[one] = np.inf
        assert other == int(np.argmin(distances))


def test_neighbours_share_a_side() -> None:
    at = {cell: number for number, cell in enumerate(cells(7))}
    pairs = {frozenset(pair) for pair in beside(at)}
    expected = {
        frozenset((at[one], at[other]))
        for one, other in itertools.combinations(at, 2)
        if abs(one[0] - other[0]) + abs(one[1] - other[1]) == 1
    }
    assert pairs == expected
