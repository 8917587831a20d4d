import numpy as np

from atlas.data.levels import LEVELS, count
from atlas.scanning.sketching import SIGNS, alike, directions, signs_of, sketch


def directions_of(level: np.ndarray) -> np.ndarray:
    signs = signs_of(np.arange(len(level)))
    return directions(sketch(level, signs), signs.sum(0), count(level))


def test_signs_are_an_images_own_whatever_its_company() -> None:
    whole = signs_of(np.arange(40))
    assert set(np.unique(whole)) == {-1, 1} and whole.shape == (40, SIGNS)
    np.testing.assert_array_equal(signs_of(np.array([7, 3])), whole[[7, 3]])
    assert abs(whole.mean()) < 0.05


def test_correlations_are_told_within_what_is_promised() -> None:
    random = np.random.default_rng(0)
    hidden = random.normal(size=(2000, 4))
    values = hidden @ random.normal(size=(4, 30)) + random.normal(size=(2000, 30))
    level = np.clip(150 + 20 * values, 0, LEVELS - 1).astype(int)
    exact = np.corrcoef(level.T)
    found = directions_of(level)
    error = np.abs(found @ found.T - exact)
    assert np.sqrt((error**2).mean()) < 1.2 * np.sqrt(((1 - exact**2) ** 2).mean()) / 16
    assert error.max() < 5 / 16


def test_the_most_alike_are_named_and_never_a_unit_itself() -> None:
    random = np.random.default_rng(1)
    level = random.integers(0, 300, (500, 12))
    level[:, 7] = level[:, 2] + random.integers(0, 4, 500)
    level[:, 5] = 40  # ever the same: goes with nobody
    whole = directions_of(level)
    units = {"a": range(6), "b": range(10, 16)}
    found = alike({"a": whole[:6], "b": whole[6:]}, units, count=2, block=5)
    assert found["a", 2][0][:2] == ("b", 11) and found["a", 2][0][2] > 0.98
    assert found["b", 11][0][:2] == ("a", 2)
    assert found["a", 5] == [] and len(found) == 12
    for unit, others in found.items():
        assert unit not in [other[:2] for other in others]
        assert [r for _, _, r in others] == sorted((r for _, _, r in others), reverse=True)


def test_any_sharing_of_the_images_sums_to_the_same() -> None:
    level = np.random.default_rng(2).integers(0, LEVELS, (50, 3))
    signs = signs_of(np.arange(50))
    parts = [sketch(level[some], signs[some]) for some in (slice(0, 9), slice(9, 50))]
    np.testing.assert_array_equal(sum(parts), sketch(level, signs))
