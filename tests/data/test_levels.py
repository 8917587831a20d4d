import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from atlas.data import levels

floats = st.floats(-1e9, 1e9, width=32)


@given(st.lists(floats, min_size=1, max_size=20))
def test_each_value_lies_within_its_level(values: list[float]) -> None:
    for value, level in zip(values, levels.level_of(np.array(values, np.float32)), strict=True):
        if value <= 0:
            assert level == 0
            continue
        assert 1 <= level < levels.LEVELS
        if level > 1:
            assert levels.lower_bound(level) <= value
        if level < levels.LEVELS - 1:
            assert value < levels.lower_bound(level + 1)


def test_eight_levels_make_a_doubling() -> None:
    one = int(levels.level_of(np.array([1], np.float32))[0])
    assert levels.lower_bound(one) == 1
    assert levels.lower_bound(one + 8) == 2
    assert levels.lower_bound(one - 1) == 0.5 * 1.875


@given(st.lists(st.tuples(floats, floats), min_size=1, max_size=20))
def test_counting_equals_counting_one_by_one(rows: list[tuple[float, float]]) -> None:
    values = np.array(rows, np.float32)
    expected = np.zeros((2, levels.LEVELS), int)
    for row in values:
        for unit, value in enumerate(row):
            expected[unit, levels.level_of(value[None])[0]] += 1
    np.testing.assert_array_equal(levels.count(levels.level_of(values)), expected)


def test_empty_ends_are_trimmed() -> None:
    counts = np.zeros(levels.LEVELS, int)
    assert levels.trimmed(counts) == (0, [])
    counts[[0, 100, 103]] = 7, 2, 1
    assert levels.trimmed(counts) == (100, [2, 0, 0, 1])


def test_percentiles_are_those_of_the_sorted_values() -> None:
    values = np.random.default_rng(0).exponential(3, 1000).astype(np.float32)
    values[:300] = 0
    counts = levels.count(levels.level_of(values[:, None]))[0]
    ordered = np.sort(values)
    for share in (0.0005, 0.2, 0.5, 0.9, 0.99, 0.999, 1.0):
        exact = ordered[max(0, int(np.ceil(share * 1000)) - 1)]
        assert levels.percentile(counts, share) == levels.level_of(exact[None])[0]
