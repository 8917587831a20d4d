from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from atlas.experiments import first_layer
from atlas.experiments.first_layer import GRID, measured, orientation, peak, spectrum, wins


def grating(
    rows: float, columns: float, *, side: int = 32, colour: tuple[float, ...] = (1, 1, 1)
) -> np.ndarray:
    """A filter ``[1, 3, side, side]`` whose stripes have this frequency, under a soft window."""
    r, c = np.indices((side, side)) - (side - 1) / 2
    wave = np.cos(2 * np.pi * (rows * r + columns * c)) * np.exp(-(r * r + c * c) / (side / 5) ** 2)
    return (np.array(colour)[:, None, None] * wave)[None].astype(np.float32)


def one(weights: np.ndarray, stride: tuple[int, int] = (1, 1)) -> first_layer.Filter:
    (found,) = measured(weights, np.zeros(1), stride=stride)
    return found


def test_a_spectrum_is_the_sum_over_all_pixels_at_each_frequency() -> None:
    weights = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)
    found = spectrum(weights)
    assert found.shape == (2, 3, GRID, GRID)
    for unit, channel, row, column in ((0, 0, 0, 0), (1, 2, 5, 60), (0, 1, 63, 1), (1, 0, 32, 32)):
        total = 0j
        for r in range(3):
            for c in range(4):
                turn = -2j * math.pi * (row * r + column * c) / GRID
                total += float(weights[unit, channel, r, c]) * cmath.exp(turn)
        assert found[unit, channel, row, column] == pytest.approx(abs(total) ** 2 / GRID**2)
    # no energy is lost, whatever the size of the grid
    assert found.sum() == pytest.approx(np.square(weights.astype(float)).sum())


@pytest.mark.parametrize(
    ("rows", "columns"), [(0, 0.25), (0.25, 0), (0.125, 0.125), (-0.125, 0.25), (0, 0.4375)]
)
def test_a_grating_peaks_at_its_frequency(rows: float, columns: float) -> None:
    energy = spectrum(grating(rows, columns))[0].sum(0)
    assert peak(energy) == (rows, columns)
    assert peak(spectrum(grating(-rows, -columns))[0].sum(0)) == (rows, columns)


def test_stripes_of_one_pixel_peak_at_half_a_cycle() -> None:
    upright = np.tile([1.0, -1.0, 1.0, -1.0], (4, 1))
    for stripes, at in (
        (upright, (0, 0.5)),
        (upright.T, (0.5, 0)),
        (upright * upright.T, (0.5, 0.5)),
    ):
        assert peak(spectrum(stripes[None, None].astype(np.float32))[0, 0]) == at


def test_stripes_are_level_upright_or_rise_as_their_angle_says() -> None:
    """Rows are counted downwards, and angles anticlockwise as one sees the picture."""
    for angle in (0, 30, 45, 90, 120, 135, 170):
        # brightness changes across the stripes: at right angles to their direction
        along = (math.cos(math.radians(angle)), -math.sin(math.radians(angle)))  # columns, rows
        found = one(grating(0.2 * along[0], -0.2 * along[1]))
        apart = abs(found.orientation - angle) % 180
        assert min(apart, 180 - apart) < 1 and found.oriented > 0.8
    # a picture whose bright stripe runs from bottom left to top right rises at 45 degrees
    rising = np.zeros((1, 1, 9, 9), np.float32)
    rising[0, 0] = np.fliplr(np.eye(9)) - 1 / 9
    assert one(rising).orientation == pytest.approx(45, abs=1)


def test_what_looks_alike_in_all_directions_has_no_orientation() -> None:
    r, c = np.indices((15, 15)) - 7
    dot = np.exp(-(r * r + c * c) / 6)[None, None].astype(np.float32)
    assert one(dot).oriented < 0.01
    assert orientation(np.zeros((GRID, GRID))) == (0, 0)


def test_grey_has_no_colour_and_opposed_channels_have_nothing_else() -> None:
    assert one(grating(0, 0.2)).colour == pytest.approx(0, abs=1e-6)
    assert one(grating(0, 0.2, colour=(1, -1, 0))).colour == pytest.approx(1)
    # red alone: a third of the energy is in the mean of the channels
    assert one(grating(0, 0.2, colour=(1, 0, 0))).colour == pytest.approx(2 / 3, abs=1e-5)


def test_a_stride_aliases_what_is_faster_than_half_a_cycle_of_its_steps() -> None:
    slow, fast = grating(0, 0.1), grating(0, 0.4)
    assert one(slow, (2, 2)).aliased < 0.01 and one(fast, (2, 2)).aliased > 0.99
    assert one(fast, (1, 1)).aliased == 0
    assert one(fast, (2, 1)).aliased < 0.01  # only rows are skipped, and it changes along columns
    # by loops over all frequencies
    energy = spectrum(grating(0.2, 0.25))[0].sum(0)
    beyond = sum(
        energy[row, column]
        for row in range(GRID)
        for column in range(GRID)
        if min(row, GRID - row) / GRID > 0.25 or min(column, GRID - column) / GRID > 0.25
    )
    assert one(grating(0.2, 0.25), (2, 2)).aliased == pytest.approx(beyond / energy.sum(), rel=1e-5)


def test_the_norm_is_the_root_mean_square_and_an_empty_filter_is_all_zero() -> None:
    weights = np.random.default_rng(1).normal(size=(1, 3, 5, 5)).astype(np.float32)
    mean = sum(float(w) ** 2 for w in weights.ravel()) / weights.size
    assert one(weights).norm == pytest.approx(math.sqrt(mean), rel=1e-5)
    nothing = one(np.zeros((1, 3, 5, 5), np.float32))
    assert (nothing.norm, nothing.colour, nothing.aliased, nothing.oriented) == (0, 0, 0, 0)


def test_the_most_active_unit_wins_a_place_and_the_first_of_equal_ones() -> None:
    maps = np.random.default_rng(2).integers(-2, 3, (7, 5, 4, 3)).astype(np.float32)
    counts = [0] * 5
    for image in range(7):
        for row in range(4):
            for column in range(3):
                values = [float(maps[image, unit, row, column]) for unit in range(5)]
                if max(values) > 0:
                    counts[values.index(max(values))] += 1
    found, places = wins([maps[:3], maps[3:]], 5)
    assert found.tolist() == counts and places == 7 * 4 * 3
    assert sum(counts) < places  # nobody wins where none is active
