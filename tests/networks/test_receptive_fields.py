"""Intervals carried forward against brute force over dependence, and the published table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.networks import receptive_fields as rf

# (kernel, stride, padding) of AlexNet's and VGG16's chains, and the published sizes.
ALEXNET = [(11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0)]
ALEXNET_SIZES = [11, 19, 51, 67, 99, 131, 163, 195]


def outputs(length: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    return (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def test_alexnet_equals_the_published_figures():
    axis, sizes = rf.pixels(224), []
    for kernel, stride, padding in ALEXNET:
        axis = rf.window(
            axis,
            outputs(len(axis.true), kernel, stride, padding),
            kernel=kernel,
            stride=stride,
            padding=padding,
        )
        sizes.append(axis.size)
    assert sizes == ALEXNET_SIZES
    assert (axis.stride, len(axis.true)) == (32, 6)


def test_vgg16_equals_the_published_figures():
    axis = rf.pixels(224)
    for count in (2, 2, 3, 3, 3):
        for _ in range(count):
            axis = rf.window(axis, len(axis.true), kernel=3, padding=1)
        last = axis.size
        axis = rf.window(axis, len(axis.true) // 2, kernel=2, stride=2)
    assert (last, axis.size) == (196, 212)


steps = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)),
    min_size=1,
    max_size=4,
)


@given(length=st.integers(8, 40), chain=steps)
@settings(max_examples=200, deadline=None)
def test_a_chain_equals_descent_by_sets_and_the_closed_form(length, chain):
    axis, lengths, used = rf.pixels(length), [length], []
    for kernel, stride, padding, dilation in chain:
        padding = min(padding, kernel // 2)
        count = outputs(lengths[-1], kernel, stride, padding, dilation)
        if count < 1:
            break
        axis = rf.window(
            axis, count, kernel=kernel, stride=stride, padding=padding, dilation=dilation
        )
        lengths.append(count)
        used.append((kernel, stride, padding, dilation))
    # Araujo et al. 2019, equations 2 and 3.
    size, jump = 1, 1
    for kernel, stride, _, dilation in used:
        size += dilation * (kernel - 1) * jump
        jump *= stride
    assert (axis.size, axis.stride) == (size, jump)
    for position in range(lengths[-1]):
        seen = {position}
        for (kernel, stride, padding, dilation), extent in zip(
            reversed(used), reversed(lengths[:-1]), strict=True
        ):
            taps = {o * stride - padding + dilation * k for o in seen for k in range(kernel)}
            seen = {t for t in taps if 0 <= t < extent}
        lo, hi = axis.true[position]
        if not seen:
            assert lo >= hi
            continue
        assert (lo, hi) == (min(seen), max(seen) + 1)
        start, end = axis.nominal(position)
        assert start <= lo < hi <= end


@pytest.mark.parametrize(("inputs", "count"), [(13, 6), (7, 7), (5, 1), (3, 5)])
def test_adaptive_windows_are_those_of_the_definition(inputs, count):
    axis = rf.adaptive(rf.pixels(inputs), count)
    expected = [(o * inputs // count, -((o + 1) * inputs // -count)) for o in range(count)]
    assert list(axis.true) == expected
    assert axis.size >= max(b - a for a, b in expected)


def test_branches_join_in_their_union():
    axis = rf.pixels(20)
    near = rf.window(axis, 20, kernel=3, padding=1)
    far = rf.window(axis, 20, kernel=5, padding=2)
    both = rf.union(near, far)
    assert both.true == far.true
    assert (both.size, both.stride, both.offset) == (5, 1, -2)
    assert set(rf.union(near, rf.stretched(rf.whole(axis, 1), len(near.true))).true) == {(0, 20)}


def test_a_window_of_padding_sees_nothing():
    field = rf.ReceptiveField(*(rf.window(rf.pixels(2), 6, kernel=1, padding=2),) * 2)
    assert field.true_box(0, 2).as_tuple() == (0, 0, 0, 0)
    assert field.true_box(2, 3).as_tuple() == (0, 1, 1, 2)


def test_a_window_of_padding_alone_covers_nothing():
    axis = rf.window(rf.pixels(4), 4, kernel=2, stride=2, padding=2)
    assert axis.true == (rf.NOTHING, (0, 2), (2, 4), rf.NOTHING)
    field = rf.ReceptiveField(axis, rf.window(rf.pixels(4), 4, kernel=1))
    assert (
        field.true_box(0, 1)
        == rf.Box(0, 0, 0, 0)
        == rf.ReceptiveField(field.columns, axis).true_box(1, 3)
    )
    assert field.true_box(1, 2) == rf.Box(0, 2, 2, 3) and field.box(0, 3) == rf.Box(-2, 3, 0, 4)
    assert (field.size, field.stride, field.offset) == ((2, 1), (2, 1), (-2, 0))
    assert rf.union(axis, axis).true == axis.true


def test_adaptive_pooling_by_its_definition():
    """Of seven inputs three are made: from 0, 2 and 4, up to 3, 5 and 7."""
    axis = rf.adaptive(rf.pixels(7), 3)
    assert axis.true == ((0, 3), (2, 5), (4, 7))
    assert (axis.size, axis.stride, axis.offset) == (3, 2, 0)
    more = rf.adaptive(rf.pixels(2), 3)
    assert more.true == ((0, 1), (0, 2), (1, 2)) and (more.size, more.stride) == (2, 1)
    one = rf.window(rf.pixels(9), 1, kernel=5)
    assert rf.adaptive(one, 1) == one  # nothing is pooled
    assert rf.adaptive(rf.pixels(9), 9) == rf.pixels(9)
    assert rf.adaptive(rf.pixels(9), 1) == rf.whole(rf.pixels(9), 1)


def test_what_mixes_positions_sees_the_whole_frame():
    part = rf.window(rf.pixels(9), 3, kernel=2, stride=2)  # of pixels 0 to 6
    assert rf.whole(part, 2) == rf.Axis(9, ((0, 6), (0, 6)), 9, 0, 0)
    assert rf.gathered(part, [[2, 0], [1]]) == rf.Axis(9, ((0, 6), (2, 4)), 9, 0, 0)


def test_branches_that_join():
    narrow, wide = rf.pixels(6), rf.window(rf.pixels(6), 6, kernel=3, padding=1)
    joined = rf.union(narrow, wide)
    assert joined == rf.union(wide, narrow) == wide
    late = rf.window(rf.pixels(6), 6, kernel=2)  # begins where the pixel does
    joined = rf.union(late, wide)
    assert (joined.size, joined.stride, joined.offset) == (3, 1, -1)
    longer = rf.window(rf.pixels(6), 6, kernel=4)
    assert (rf.union(wide, longer).size, rf.union(wide, longer).offset) == (5, -1)
    step = rf.window(rf.pixels(12), 6, kernel=2, stride=2)
    other = rf.Axis(12, narrow.true, 1, 1, 0)
    assert rf.union(step, other) == rf.Axis(
        12, tuple((min(2 * i, i), 2 * i + 2) for i in range(6)), 12, 0, 0
    )


def test_one_position_is_broadcast():
    one = rf.whole(rf.pixels(5), 1)
    assert rf.stretched(one, 3).true == ((0, 5),) * 3
    assert rf.stretched(rf.pixels(5), 3) == rf.pixels(5)
