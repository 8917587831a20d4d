"""Windows against the whole signals that they stand for, laid out place by place."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atlas.reconstruction import windows
from atlas.reconstruction.windows import Span, Window

MOST = 7


@dataclass(frozen=True)
class Drawn:
    """The shape of a tensor, and windows of it, zero beyond."""

    shape: tuple[int, int, int]
    window: Window


def numbers(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.long)


def by_places(window: Window, shape: tuple[int, ...]) -> np.ndarray:
    """The whole signals, ``[B, C, H, W]``: each value of each window at its place."""
    if window.is_whole:
        return np.asarray(window.values.numpy())
    values, signals = window.values.numpy(), np.zeros((len(window.values), *shape))
    for b, c, y, x in np.ndindex(*values.shape):
        row, column = int(window.span.top[b]) + y, int(window.span.left[b]) + x
        if 0 <= row < shape[1] and 0 <= column < shape[2]:
            signals[b, c, row, column] += values[b, c, y, x]
    return signals


@st.composite
def drawn(draw: st.DrawFn, *, like: Drawn | None = None, alike: bool = False) -> Drawn:
    """Windows anywhere; of the tensor and number of ``like``, at one offset if ``alike``."""
    if like is None:
        shape = (draw(st.integers(1, 2)), draw(st.integers(1, MOST)), draw(st.integers(1, MOST)))
        count = draw(st.integers(1, 3))
    else:
        shape, count = like.shape, len(like.window.values)
    size = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    places = st.tuples(st.integers(-4, MOST), st.integers(-4, MOST))
    if like is not None and alike and not like.window.is_whole:
        down, right = draw(places)
        own = like.window.span
        top, left = own.top + down, own.left + right
    else:
        tops, lefts = zip(*draw(st.lists(places, min_size=count, max_size=count)), strict=True)
        top, left = numbers(*tops), numbers(*lefts)
    seed = draw(st.integers(0, 2**31))
    dice = torch.Generator().manual_seed(seed)
    values = torch.randint(1, 99, (count, shape[0], *size), generator=dice).double()
    return Drawn(shape, windows.clipped(Window(values, top, left), shape))


@given(st.data())
def test_places_beyond_the_tensor_are_zero_and_windows_of_most_of_it_are_whole(
    data: st.DataObject,
) -> None:
    shape = (1, data.draw(st.integers(1, MOST)), data.draw(st.integers(1, MOST)))
    size = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    top, left = numbers(data.draw(st.integers(-4, 8))), numbers(data.draw(st.integers(-4, 8)))
    window = Window(torch.ones(1, 1, *size), top, left)
    inside = [[0 <= int(top) + y < shape[1] and 0 <= int(left) + x < shape[2]
               for x in range(size[1])] for y in range(size[0])]  # fmt: skip
    assert window.span.inside(shape)[0, 0].tolist() == inside
    found = windows.clipped(window, shape)
    assert found.is_whole == (10 * size[0] * size[1] >= 7 * shape[1] * shape[2])
    if not found.is_whole:
        assert found.inside and found.values[0, 0].bool().tolist() == inside
        assert windows.clipped(found, shape) is found
    assert np.array_equal(windows.whole(found, shape).values, by_places(window, shape))


@given(drawn())
def test_whole_signals_are_those_of_the_windows(one: Drawn) -> None:
    found = windows.whole(one.window, one.shape)
    assert found.is_whole and np.array_equal(found.values, by_places(one.window, one.shape))
    assert windows.whole(found, one.shape) is found


@given(st.data(), st.booleans())
def test_a_sum_of_windows_is_the_sum_of_what_they_stand_for(
    data: st.DataObject, alike: bool
) -> None:
    one = data.draw(drawn())
    other = data.draw(drawn(like=one, alike=alike))
    found = windows.added(one.window, other.window, one.shape)
    wanted = by_places(one.window, one.shape) + by_places(other.window, one.shape)
    assert np.array_equal(by_places(found, one.shape), wanted)
    if one.window.is_whole or other.window.is_whole:
        assert found.is_whole
        return
    apart = {
        (int(b - a), int(d - c))
        for a, b, c, d in zip(one.window.span.top, other.window.span.top,
                              one.window.span.left, other.window.span.left, strict=True)
    }  # fmt: skip
    hull = windows.joint(one.window.span, other.window.span)
    assert (hull is None) == found.is_whole == (len(apart) > 1)
    if hull is None:
        return
    assert found.inside and found.span.size == hull.size
    ends = [
        (span.top[0], span.left[0], span.top[0] + span.size[0], span.left[0] + span.size[1])
        for span in (one.window.span, other.window.span, hull)
    ]
    smallest = [f(a, b) for f, a, b in zip((min, min, max, max), *ends[:2], strict=True)]
    assert [int(n) for n in smallest] == [int(n) for n in ends[2]]


@given(st.data(), st.booleans(), st.sampled_from([None, 0.0, -5.0]))
def test_what_is_cut_out_is_what_stands_there(
    data: st.DataObject, alike: bool, fill: float | None
) -> None:
    one = data.draw(drawn())
    other = data.draw(drawn(like=one, alike=alike))
    if other.window.is_whole:
        whole = windows.cut(one.window, None, shape=one.shape, fill=fill)
        assert whole.is_whole
        assert np.array_equal(whole.values, by_places(one.window, one.shape))
        return
    span = other.window.span
    found = windows.cut(one.window, span, shape=one.shape, fill=fill)
    assert found.span.size == span.size and torch.equal(found.span.top, span.top)
    signals = by_places(one.window, one.shape)
    for b, c, y, x in np.ndindex(*found.values.shape):
        row, column = int(span.top[b]) + y, int(span.left[b]) + x
        if 0 <= row < one.shape[1] and 0 <= column < one.shape[2]:
            assert found.values[b, c, y, x] == signals[b, c, row, column]
        elif fill is not None:
            assert found.values[b, c, y, x] == fill


@given(st.data())
def test_windows_are_gathered_from_the_maps_of_their_stimuli(data: st.DataObject) -> None:
    one = data.draw(drawn())
    if one.window.is_whole:
        return
    maps = torch.arange(2 * np.prod(one.shape)).view(2, *one.shape)
    stimulus = numbers(*(data.draw(st.integers(0, 1)) for _ in one.window.values))
    span = one.window.span
    found = windows.gathered(maps, stimulus, span)
    for b, c, y, x in np.ndindex(*found.shape):
        row, column = int(span.top[b]) + y, int(span.left[b]) + x
        if 0 <= row < one.shape[1] and 0 <= column < one.shape[2]:
            assert found[b, c, y, x] == maps[int(stimulus[b]), c, row, column]


@pytest.mark.parametrize(("size", "is_most"), [((1, 7), True), ((2, 3), False), ((7, 1), True)])
def test_seven_tenths_are_most_of_a_tensor(size: tuple[int, int], is_most: bool) -> None:
    assert windows.covers(size, (3, 2, 5)) is is_most


def test_the_span_of_whole_tensors_begins_at_their_corner() -> None:
    found = windows.all_of((2, 3, 4, 5), torch.device("cpu"))
    assert isinstance(found, Span) and found.size == (4, 5)
    assert found.top.tolist() == found.left.tolist() == [0, 0]
