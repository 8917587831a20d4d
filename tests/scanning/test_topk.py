import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.data.levels import LEVELS, level_of
from atlas.scanning.topk import EMPTY, NINE, NO_IMAGE, Maxima, empty, include, merge

SAMPLES = ("sample", "sample_value", "sample_place", "sketch", "signs")


def brute_force(values):
    """Straight from the definition, in plain Python."""
    result = []
    for unit in range(values.shape[1]):
        fired = [(-float(v), i) for i, v in enumerate(values[:, unit]) if v > 0]
        result.append([i for _, i in sorted(fired)[:NINE]])
    return result


def places(values, indices):
    return np.broadcast_to(indices[:, None] * 7 + 1, values.shape)


def record_of(values, indices):
    return include(empty(3), Maxima(values, places(values, indices), indices, 7))


# Few different values, so that ties, silence and dead units are common.
tables = st.integers(1, 30).flatmap(
    lambda n: st.lists(st.lists(st.integers(-2, 3), min_size=3, max_size=3), min_size=n, max_size=n)
)


@pytest.mark.slow
@given(table=tables, cuts=st.lists(st.integers(0, 30), max_size=4), seed=st.integers(0, 99))
@settings(max_examples=200, deadline=None)
def test_any_split_merged_in_any_order_equals_brute_force(table, cuts, seed):
    values = np.array(table, np.float32)
    count = len(values)
    edges = sorted({0, count, *(min(c, count) for c in cuts)})
    stretches = [np.arange(a, b) for a, b in itertools.pairwise(edges)]
    parts = [record_of(values[indices], indices) for indices in stretches]
    np.random.default_rng(seed).shuffle(parts)
    record = functools.reduce(merge, parts, empty(3))
    for unit, expected in enumerate(brute_force(values)):
        assert record.count(unit) == len(expected)
        assert record.image[unit, : len(expected)].tolist() == expected
        assert record.value[unit, : len(expected)].tolist() == values[expected, unit].tolist()
        assert record.position[unit, : len(expected)].tolist() == [[i, 1] for i in expected]
        assert (record.image[unit, len(expected) :] == EMPTY).all()
    assert record.fired.tolist() == (values > 0).sum(0).tolist()
    assert record.images == count
    assert record.counts.sum(1).tolist() == [count] * 3
    assert (count - record.counts[:, 0]).tolist() == record.fired.tolist()
    grown = empty(3)
    for indices in np.random.default_rng(seed).permutation(len(stretches)):
        own = stretches[indices]
        grown = include(grown, Maxima(values[own], places(values[own], own), own, 7))
    for name in ("value", "image", "position", "fired", "counts", *SAMPLES, "images"):
        np.testing.assert_array_equal(getattr(grown, name), getattr(record, name))


@given(table=tables)
@settings(deadline=None, max_examples=50)
def test_each_level_keeps_its_first_image(table):
    values = np.array(table, np.float32)
    record = record_of(values[::-1], np.arange(len(values))[::-1])
    levels = level_of(values).tolist()
    for unit in range(3):
        for level in range(1, LEVELS):
            own = [image for image, row in enumerate(levels) if row[unit] == level]
            assert record.sample[unit, level] == (own[0] if own else NO_IMAGE)
            if own:
                assert record.sample_value[unit, level] == values[own[0], unit]
                assert record.sample_place[unit, level] == own[0] * 7 + 1


def test_a_dead_unit_has_no_images():
    record = record_of(np.array([[-1.0, 0.0, 0.0]] * 12, np.float32), np.arange(12))
    assert record.count(0) == record.count(1) == 0
    assert record.fired.tolist() == [0, 0, 0]
