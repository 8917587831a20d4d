import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atlas.data.records import Corners
from atlas.reconstruction.close_ups import (
    LEAST,
    MARGIN,
    SHARE,
    box_around,
    closer,
    extent,
    largest,
    placed,
    sampled,
    side_of,
)

SIDES = st.tuples(st.integers(20, 90), st.integers(20, 90))


@st.composite
def units(draw: st.DrawFn) -> tuple[tuple[int, int], list[np.ndarray], list[tuple[int, int]]]:
    """A frame, and up to nine windows of reconstructions with their corners, inside the frame."""
    frame = draw(SIDES)
    signals, corners = [], []
    for _ in range(draw(st.integers(1, 9))):
        height, width = (draw(st.integers(1, side)) for side in frame)
        rows, columns = (
            draw(arrays(np.float32, (2, height), elements=st.floats(-9, 9, width=32))),
            draw(arrays(np.float32, (2, width), elements=st.floats(-9, 9, width=32))),
        )
        signals.append(rows[:, :, None] * columns[:, None, :])
        corners.append(
            (draw(st.integers(0, frame[0] - height)), draw(st.integers(0, frame[1] - width)))
        )
    return frame, signals, corners


def whole(signal: np.ndarray, corner: tuple[int, int], frame: tuple[int, int]) -> np.ndarray:
    """The energy of each pixel of the frame, by plain loops over what the definition says."""
    energy = np.zeros(frame)
    for row in range(signal.shape[1]):
        for column in range(signal.shape[2]):
            values = signal[:, row, column].astype(float)
            energy[corner[0] + row, corner[1] + column] = float((values**2).sum())
    return energy


@given(units())
def test_close_ups_hold_the_energy_inside_the_image(
    unit: tuple[tuple[int, int], list[np.ndarray], list[tuple[int, int]]],
) -> None:
    frame, signals, corners = unit
    energies = [whole(s, c, frame) for s, c in zip(signals, corners, strict=True)]
    assume(all(energy.sum() == 0 or energy.sum() > 1e-12 for energy in energies))
    extents = [extent(s, c, frame) for s, c in zip(signals, corners, strict=True)]
    for energy, (top, left, bottom, right) in zip(energies, extents, strict=True):
        total = energy.sum() * (1 - 1e-9)
        assert energy[top:bottom].sum() >= SHARE * total
        assert energy[:, left:right].sum() >= SHARE * total
    nominal: list[Corners] = [(-50, -60, 150, 140)] * len(signals)
    most = largest("close", (200, 200), frame)
    assert most == min(frame)
    side = side_of(extents, most, frame)
    boxes = [
        placed(own, box, side, frame).as_tuple() for own, box in zip(extents, nominal, strict=True)
    ]
    assert min(LEAST, *frame) <= side <= most
    for energy, own, (top, left, bottom, right) in zip(energies, extents, boxes, strict=True):
        assert bottom - top == right - left == side  # a square of the unit's one size
        assert top >= 0 and bottom <= frame[0] and left >= 0 and right <= frame[1]
        if max(own[2] - own[0], own[3] - own[1]) <= side:
            total = energy.sum() * (1 - 1e-9)
            assert energy[top:bottom].sum() >= SHARE * total
            assert energy[:, left:right].sum() >= SHARE * total


def test_the_extent_of_a_uniform_square_leaves_out_three_percent_at_either_end() -> None:
    signal = np.ones((3, 100, 200), np.float32)
    assert extent(signal, (20, 30), (224, 300)) == (23, 36, 117, 224)


def test_the_side_is_that_of_the_median_winner_with_a_margin() -> None:
    extents = [(0, 0, 40, 50), (10, 10, 70, 30), (5, 5, 75, 35), (0, 0, 0, 0)]
    assert side_of(extents, 224, (224, 224)) == math.ceil(MARGIN * 60)
    assert side_of(extents, 60, (224, 60)) == 60
    assert side_of([(3, 3, 7, 9)], 224, (224, 224)) == LEAST
    assert side_of([(0, 0, 0, 0)], 128, (128, 128)) == 128


def test_a_close_up_is_moved_inside_the_image() -> None:
    assert box_around((90, 40, 110, 60), 40, (224, 224)).as_tuple() == (80, 30, 120, 70)
    assert box_around((0, 200, 10, 224), 40, (224, 224)).as_tuple() == (0, 184, 40, 224)


def test_nominal_boxes_stay_where_a_close_up_would_not_be_smaller() -> None:
    assert largest("close", (100, 100), (224, 224)) == 100
    side = side_of([(0, 0, 90, 90)], 100, (224, 224))
    assert closer(side, (100, 100)) is None and closer(side, (120, 120)) == 100
    side = side_of([(0, 0, 60, 60)], 100, (224, 224))
    assert closer(side, (100, 100)) == side == 90


def test_a_winner_without_energy_is_shown_in_the_middle_of_its_box() -> None:
    frame, nominal = (224, 224), (0, 0, 180, 180)
    assert placed((0, 0, 40, 40), nominal, 46, frame).as_tuple() == (0, 0, 46, 46)
    assert placed((0, 0, 0, 0), nominal, 46, frame).as_tuple() == (67, 67, 113, 113)


def test_first_middle_and_last_decide_the_size() -> None:
    assert sampled(9) == (0, 4, 8)
    assert [sampled(count) for count in (0, 1, 2, 3)] == [(), (0,), (0, 1), (0, 1, 2)]


@pytest.mark.parametrize(
    ("tiles", "nominal", "frame", "side"),
    [
        ("auto", (168, 168), (224, 224), None),  # exactly three quarters
        ("auto", (169, 169), (224, 224), 169),
        ("auto", (51, 97), (224, 128), 51),  # of the width alone
        ("nominal", (400, 400), (224, 224), None),
        ("close", (51, 51), (224, 224), 51),
        ("close", (LEAST, LEAST), (224, 224), None),
        ("close", (11, 11), (224, 224), None),
        ("auto", (3, 128), (64, 128), None),
        ("auto", (44, 44), (28, 28), 28),  # the whole image in place of more than it
        ("auto", (28, 28), (28, 28), None),
        ("close", (20, 20), (28, 28), None),
    ],
)
def test_which_layers_have_close_ups(
    tiles: str, nominal: tuple[int, int], frame: tuple[int, int], side: int | None
) -> None:
    assert largest(tiles, nominal, frame) == side
