"""One thing or several, against plain loops and scikit-learn, on planted features and real ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.cluster import KMeans

from atlas.evidence import faces


def features(seed: int = 0) -> np.ndarray:
    """Four groups of 60 images each, tight, in eight dimensions."""
    dice = np.random.default_rng(seed)
    centres = 4 * np.eye(8)[:4]
    return np.concatenate([one + 0.7 * dice.normal(size=(60, 8)) for one in centres])


GROUPS = np.repeat(np.arange(4), 60)


def usual(unit: np.ndarray) -> faces.Usual:
    found = faces.usual(unit, [np.flatnonzero(group == GROUPS)[:36] for group in range(4)])
    assert found
    return found


def fires(groups: list[int], seed: int = 1) -> np.ndarray:
    return np.isin(GROUPS, groups) * 3 + np.random.default_rng(seed).random(240)


def test_clarity_is_the_mean_cosine_of_two() -> None:
    unit = faces.directions(features())[40:80]
    pairs = [unit[i] @ unit[j] for i, j in itertools.permutations(range(40), 2)]
    assert faces.clarity(unit @ unit.T) == pytest.approx(np.mean(pairs))
    assert faces.clarity(np.ones((5, 5))) == pytest.approx(1)


@pytest.mark.parametrize("rows", [slice(0, 60), slice(30, 90), slice(0, 240, 4), slice(50, 75)])
def test_the_halves_are_those_of_2_means(rows: slice) -> None:
    unit = faces.directions(features())[rows]
    parted = faces.parted(unit @ unit.T)
    other = KMeans(2, n_init=30, random_state=0).fit(unit)
    own = sum(
        ((unit[part] - unit[part].mean(0)) ** 2).sum() for part in (parted.first, ~parted.first)
    )
    assert own <= other.inertia_ * 1.02
    means = [unit[part].mean(0) for part in (parted.first, ~parted.first)]
    cosine = means[0] @ means[1] / np.linalg.norm(means[0]) / np.linalg.norm(means[1])
    assert parted.apart == pytest.approx(1 - cosine)
    assert parted.first.sum() >= (~parted.first).sum()


def test_a_unit_that_is_two_things_has_two_faces() -> None:
    unit = faces.directions(features())
    values = fires([1, 3])
    found = faces.faces(values, unit, usual(unit))
    assert found and found.two
    parts = found.images[found.parted.first], found.images[~found.parted.first]
    assert sorted(tuple(set(GROUPS[part].tolist())) for part in parts) == [(1,), (3,)]


@pytest.mark.parametrize("groups", [[0], [2], []])
def test_one_thing_and_no_thing_have_one_face(groups: list[int]) -> None:
    unit = faces.directions(features())
    found = faces.faces(fires(groups), unit, usual(unit))
    assert found and not found.two
    assert (found.clarity > 0.5) == bool(groups)


def test_a_silent_unit_has_none_and_only_what_excites_counts() -> None:
    unit = faces.directions(features())
    assert faces.faces(np.zeros(240), unit, usual(unit)) is None
    few = np.where(np.arange(240) < 20, 1.0, 0)
    found = faces.faces(few, unit, usual(unit))
    assert found and found.images.tolist() == list(range(20))


def test_a_copy_is_redundant() -> None:
    means = np.array([[1, 0, 0], [0, 1, 0], [2, 0, 0], [0, 0, 0]], float)
    largest, which = faces.redundancy(means)
    assert largest.tolist() == [1, 0, 1, 0] and which.tolist() == [2, 0, 0, 3]
    assert faces.redundancy(means[:1])[1].tolist() == [0]
