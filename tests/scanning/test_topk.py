import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.data.levels import LEVELS, level_of
from atlas.scanning.topk import EMPTY, NINE, NO_IMAGE, Maxima, beside, empty, include, merge

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


ONE = np.array([[1.0, 0.0, 3.0], [2.0, 0.0, 3.0]], np.float32)


def test_the_record_of_no_images_is_empty():
    record = empty(2)
    assert record.units == 2 and record.images == 0 and record.count(1) == 0
    assert record.value.shape == (2, NINE) and record.position.shape == (2, NINE, 2)
    assert record.counts.shape == record.sample.shape == (2, LEVELS)
    assert (record.image == EMPTY).all() and (record.sample == NO_IMAGE).all()
    others = ("value", "position", "fired", "counts", "sample_value", "sample_place", "sketch")
    for name in (*others, "signs"):
        assert not getattr(record, name).any(), name


@pytest.mark.parametrize("make", [lambda: empty(3, statistics=False), lambda: empty(3).bare()])
def test_a_record_without_statistics_has_the_nine_alone(make):
    bare = make()
    for name in ("counts", *SAMPLES[:4]):
        assert getattr(bare, name).shape == (3, 0), name
    assert bare.signs.shape == (0,)
    whole = include(empty(3), Maxima(ONE, places(ONE, np.arange(2)), np.arange(2), 7))
    part = include(bare, Maxima(ONE, places(ONE, np.arange(2)), np.arange(2), 7))
    assert part.images == 2 and part.counts.shape == (3, 0) and part.signs.shape == (0,)
    for name in ("value", "image", "position", "fired"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))


def test_only_some_units_keep_their_places():
    record = record_of(ONE, np.arange(2))
    part = record.only([2])
    assert [record.count(unit) for unit in range(3)] == [2, 0, 2]
    assert [part.count(unit) for unit in range(3)] == [0, 0, 2]
    np.testing.assert_array_equal(part.image[2], record.image[2])
    np.testing.assert_array_equal(part.value, record.value)


def test_records_of_other_units_stand_side_by_side():
    one, other = record_of(ONE, np.arange(2)), record_of(ONE[::-1].copy(), np.arange(2))
    assert beside([one]).images == 2
    both = beside([one, other])
    assert both.units == 6 and both.images == 2
    np.testing.assert_array_equal(both.signs, one.signs)
    for name in ("value", "image", "position", "fired", "counts", *SAMPLES[:4]):
        np.testing.assert_array_equal(getattr(both, name)[:3], getattr(one, name))
        np.testing.assert_array_equal(getattr(both, name)[3:], getattr(other, name))


def test_images_with_the_largest_indices_and_values_are_in_order():
    """Beyond what 32 bits hold with a sign; values up to the largest float32."""
    most = float(np.finfo(np.float32).max)
    values = np.array([[most], [1e-45], [most], [1.0]], np.float32)
    indices = np.array([2**31 - 2, 5, 2**31 - 3, 0])
    parts = [
        include(empty(1), Maxima(values[[n]], values[[n]] * 0 + 8, indices[[n]], 5))
        for n in range(4)
    ]
    record = functools.reduce(merge, parts)
    assert record.image[0, :4].tolist() == [2**31 - 3, 2**31 - 2, 0, 5]
    assert record.position[0, :4].tolist() == [[1, 3]] * 4


def test_more_units_than_are_counted_at_once():
    values = np.arange(1, 41, dtype=np.float32)[None] * np.ones((2, 1), np.float32)
    record = include(empty(40), Maxima(values, values.astype(np.int64), np.array([4, 3]), 7))
    assert record.counts.sum(1).tolist() == [2] * 40
    level = level_of(values)[0]
    assert (record.counts[np.arange(40), level] == 2).all()
    assert (record.sample[np.arange(40), level] == 3).all()
    assert (record.sample_value[np.arange(40), level] == values[0]).all()
    assert (record.sample_place[np.arange(40), level] == values[0]).all()
