"""Close-ups: where in a large nominal box a unit's tiles look closer.

Deep layers see most of the image, and in a tile of all that the thing that matters is a stamp. A
close-up is a square of the input frame, of one size for all winners of a unit, which three of them
decide, placed where each one's reconstruction lies. Pure functions over arrays; boxes are (top,
left, bottom, right), in pixels of the input frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from atlas.data.geometry import Box
from atlas.data.records import Corners, Pair
from atlas.reconstruction import effective

SHARE = 0.94  # of a reconstruction's energy that the extent holds in each axis, at least
MARGIN = 1.5  # a close-up's side, by the extent's: with less, what a thing is can't be told
PART = 0.75  # of the input's side: where a nominal box is larger, "auto" means close-ups
LEAST = 33  # pixels of a close-up's side, at least: smaller boxes are drawn pixel by pixel


def largest(tiles: str, nominal: Pair, frame: Pair) -> int | None:
    """The side of the largest close-up that a layer's tiles may show; None for nominal boxes.

    ``tiles`` is the setting, ``nominal`` the height and width of the layer's nominal box, ``frame``
    those of the input. "auto" means close-ups where the nominal box is higher than ``PART`` of the
    input's height or wider than ``PART`` of its width. Where no close-up could be smaller than the
    nominal box, or it would be narrower than ``LEAST`` and than the input, the nominal box stays.
    """
    is_large = any(box > PART * side for box, side in zip(nominal, frame, strict=True))
    if tiles == "nominal" or (tiles == "auto" and not is_large):
        return None
    side = min(*nominal, *frame)
    least = min(LEAST, *frame)
    if side < least or nominal == (least, least):
        return None
    return side


def extent(signal: np.ndarray, corner: Pair, frame: Pair) -> Corners:
    """Where the energy of a reconstruction ``[C, h, w]`` lies; empty for one that is all zero.

    The energy of a pixel is the sum of squares over its channels. In each axis the extent leaves
    out at most (1 - SHARE) / 2 of it at either end. ``corner`` (row, column) is the place of the
    signal's top left in a frame of this height and width.
    """
    rows, columns = effective.marginals(signal, corner, (0, 0, *frame))
    rest = (1 - SHARE) / 2
    (top, bottom) = effective.extent(rows, rest)
    (left, right) = effective.extent(columns, rest)
    return top, left, bottom, right


def sampled(count: int) -> tuple[int, ...]:
    """The winners that decide the size of a unit's close-ups: first, middle and last of so many."""
    return tuple(sorted({0, count // 2, count - 1})) if count else ()


def side_of(extents: Sequence[Corners], most: int, frame: Pair) -> int:
    """The side of a unit's close-ups: ``MARGIN`` times the median of some winners' extents.

    Of an extent the longer side counts. A close-up is never larger than ``most``, nor smaller than
    ``LEAST`` where the frame and ``most`` allow it. Winners without energy don't count; where
    there are no others, it is ``most``.
    """
    sides = [max(bottom - top, right - left) for top, left, bottom, right in extents]
    sides = [side for side in sides if side]
    if not sides:
        return most
    wanted = math.ceil(MARGIN * float(np.median(sides)) - 1e-9)
    return min(max(wanted, min(LEAST, *frame)), most)


def box_around(middle: Corners, side: int, frame: Pair) -> Box:
    """The square of this side around the middle of a box, moved so that the frame holds it."""
    top, left, bottom, right = middle
    top = min(max((top + bottom - side) // 2, 0), frame[0] - side)
    left = min(max((left + right - side) // 2, 0), frame[1] - side)
    return Box(top, left, top + side, left + side)


def closer(side: int, nominal: Pair) -> int | None:
    """The side of close-ups in place of a nominal box; None where they would not be smaller."""
    return None if nominal == (side, side) else side


def placed(own: Corners, nominal: Corners, side: int, frame: Pair) -> Box:
    """A winner's close-up: around its own extent, or where that is empty its nominal box."""
    return box_around(own if own[2] > own[0] else nominal, side, frame)
