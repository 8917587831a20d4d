"""The effective receptive field: the part of the nominal box that holds most of the gradient.

Pixels at the border of a receptive field reach an activation by few paths, those in the middle by
many. So most of the gradient's energy lies in a smaller box (Luo et al. 2016). It is measured over
a unit's nine winners, and each winner counts the same.
"""

from __future__ import annotations

import numpy as np

SHARE = 0.95  # of the gradient's energy that the effective field holds, at least


def marginals(
    gradient: np.ndarray, corner: tuple[int, int], box: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The energy of a gradient ``[C, h, w]`` in each row and each column of a nominal box.

    ``corner`` (row, column) is the place of the gradient's top left in the input frame, and ``box``
    is (top, left, bottom, right). Both results sum to 1; to 0 for a gradient that is zero.
    """
    energy = np.square(gradient, dtype=np.float64).sum(0)
    total = energy.sum() or 1.0
    rows = _placed(energy.sum(1) / total, corner[0] - box[0], box[2] - box[0])
    columns = _placed(energy.sum(0) / total, corner[1] - box[1], box[3] - box[1])
    return rows, columns


def _placed(values: np.ndarray, start: int, length: int) -> np.ndarray:
    """Zeros of this length, with the values from ``start`` on, cut off at both ends."""
    placed = np.zeros(length)
    first, last = max(start, 0), min(start + len(values), length)
    placed[first:last] = values[first - start : last - start]
    return placed


def extent(energy: np.ndarray, rest: float = (1 - SHARE) / 4) -> tuple[int, int]:
    """The interval that leaves out at most ``rest`` of the energy at either end.

    By default two such intervals, of rows and of columns, are a box that holds at least SHARE of
    the energy. Without any energy it is empty.
    """
    total = energy.sum()
    if total <= 0:
        return 0, 0
    before = np.cumsum(energy) / total
    start = int(np.searchsorted(before, rest, side="right"))
    stop = int(np.searchsorted(before, 1 - rest, side="left")) + 1
    return start, min(stop, len(energy))


def box_of(rows: np.ndarray, columns: np.ndarray) -> tuple[int, int, int, int] | None:
    """The effective field (top, left, bottom, right) within the nominal box.

    ``rows`` and ``columns`` are the energies in each. None if the gradients of all winners are 0.
    """
    (top, bottom), (left, right) = extent(rows), extent(columns)
    return (top, left, bottom, right) if bottom > top and right > left else None
