"""The filters of the first layer: how strong they are, what they are tuned to, what they lose.

Zeiler & Fergus (2013, section 4.1) looked at the filters of an earlier network and found some that
dominate, some that are dead, only high and low frequencies, and aliasing by a large stride. The
same is measured here, in the frame and units of the network's normalised input.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from atlas.data.experiments.first_layer import Filter
from atlas.data.rounding import significant

GRID = 64  # frequencies along each side of a filter's spectrum


def measured(
    weights: np.ndarray, wins: np.ndarray, *, stride: tuple[int, int]
) -> tuple[Filter, ...]:
    """Each filter of ``[U, C, h, w]`` float32, measured; ``wins`` ``[U]`` are their shares of all
    places."""
    spectra = spectrum(weights)
    total = spectra.sum((1, 2, 3))
    aliased = np.where(_is_beyond(stride), spectra.sum(1), 0).sum((1, 2))
    brightness = spectrum(weights.mean(1, keepdims=True)).sum((1, 2, 3)) * weights.shape[1]
    filters = []
    for unit, energy in enumerate(spectra.sum(1)):
        angle, strength = orientation(energy)
        whole = float(total[unit]) or 1.0
        chroma = max(0.0, 1 - float(brightness[unit]) / whole) if total[unit] else 0.0
        filters.append(
            Filter(
                unit,
                norm=significant(np.sqrt(np.mean(np.square(weights[unit].astype(np.float64))))),
                wins=significant(wins[unit]),
                frequency=peak(energy),
                orientation=significant(angle),
                oriented=significant(strength),
                colour=significant(chroma),
                aliased=significant(float(aliased[unit]) / whole),
            )
        )
    return tuple(filters)


def spectrum(weights: np.ndarray) -> np.ndarray:
    """The energy of filters ``[U, C, h, w]`` at each frequency: ``[U, C, GRID, GRID]`` float64.

    Rows and columns are frequencies in the order of ``numpy.fft.fftfreq``. Filters are taken as
    they are, with zeros around them.
    """
    side = max(GRID, *weights.shape[2:])
    transformed = np.fft.fft2(weights.astype(np.float64), (side, side))
    energy: np.ndarray = np.square(np.abs(transformed)) / side**2
    return energy


def _frequencies(side: int) -> tuple[np.ndarray, np.ndarray]:
    one = np.fft.fftfreq(side)
    rows, columns = np.meshgrid(one, one, indexing="ij")
    return rows, columns


def _is_beyond(stride: tuple[int, int], side: int = GRID) -> np.ndarray:
    """Which frequencies a map of this stride can't tell from lower ones: ``[side, side]`` bool."""
    rows, columns = _frequencies(side)
    beyond: np.ndarray = (np.abs(rows) > 0.5 / stride[0]) | (np.abs(columns) > 0.5 / stride[1])
    return beyond


def peak(energy: np.ndarray) -> tuple[float, float]:
    """The frequency of the largest energy ``[side, side]``: (rows, columns), columns >= 0."""
    rows, columns = _frequencies(len(energy))
    at = np.unravel_index(np.argmax(energy), energy.shape)
    row, column = float(rows[at]), float(columns[at])
    if column < 0:  # the same stripes
        row, column = -row, -column
    if abs(row) == 0.5 or column in (0, 0.5):  # and here they are the same whatever the sign
        row = abs(row)
    return significant(row), significant(column)


def orientation(energy: np.ndarray) -> tuple[float, float]:
    """The direction of a filter's stripes in degrees within [0, 180), and how much it has one.

    By the second moments of its spectrum ``[side, side]``: the stripes run across the direction in
    which frequencies spread most. The strength is 0 where they spread alike, and 1 on a line.
    """
    rows, columns = _frequencies(len(energy))
    total = energy.sum()
    if not total:
        return 0.0, 0.0
    up = float((energy * rows * rows).sum() / total)
    along = float((energy * columns * columns).sum() / total)
    both = float((energy * rows * columns).sum() / total)
    strength = np.hypot(up - along, 2 * both) / max(up + along, np.finfo(np.float64).tiny)
    # rows are counted downwards: an angle in the picture is the negative of one in the array
    spread = 0.5 * np.degrees(np.arctan2(2 * both, along - up))
    return float((90 - spread) % 180), float(strength)


def wins(maps: Iterable[np.ndarray], units: int) -> tuple[np.ndarray, int]:
    """How many places each unit wins ``[U]`` int64, and how many places there are.

    ``maps`` are activations ``[N, U, H, W]``. The most active unit wins a place, the first of equal
    ones; nobody does where none is active.
    """
    counts, places = np.zeros(units, np.int64), 0
    for some in maps:
        best = some.argmax(1)
        active = np.take_along_axis(some, best[:, None], 1)[:, 0] > 0
        counts += np.bincount(best[active], minlength=units)
        places += best.size
    return counts, places
