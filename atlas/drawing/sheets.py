"""Sheets of small pictures side by side, as one file."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from PIL import Image

from atlas.drawing import pixels

QUALITIES = (80, 70, 60, 50, 40, 30, 20)


def small(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture ``[h, w, C]`` uint8 as a square ``[side, side, 3]``: its middle, scaled."""
    height, width = picture.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    middle = np.broadcast_to(picture[top : top + short, left : left + short], (short, short, 3))
    scaled = Image.fromarray(np.ascontiguousarray(middle)).resize(
        (side, side), Image.Resampling.BOX if short > side else Image.Resampling.BICUBIC
    )
    return np.asarray(scaled)


def framed(picture: np.ndarray, margin: int) -> np.ndarray:
    """A square ``[s, s, 3]`` uint8 with a transparent margin around it, ``[s + 2m, s + 2m, 4]``."""
    side = picture.shape[0]
    whole = np.zeros((side + 2 * margin, side + 2 * margin, 4), np.uint8)
    inside = whole[margin : margin + side, margin : margin + side]
    inside[..., :3], inside[..., 3] = picture, 255
    return whole


def sheet(
    tiles: Sequence[np.ndarray],
    cells: Sequence[tuple[int, int]],
    *,
    grid: tuple[int, int],
    limit: int,
) -> bytes:
    """Tiles ``[s, s, 3 or 4]`` uint8, each in its cell (row, column), as WebP.

    Takes the best quality of ``QUALITIES`` that keeps it within ``limit`` bytes, or the lowest. It
    is found by halving them, since a lower one takes fewer bytes.
    """
    side = tiles[0].shape[0]
    whole = np.zeros((grid[0] * side, grid[1] * side, 4), np.uint8)
    for tile, (row, column) in zip(tiles, cells, strict=True):
        place = whole[row * side : (row + 1) * side, column * side : (column + 1) * side]
        place[..., 3] = 255
        place[..., : tile.shape[2]] = tile
    picture = Image.fromarray(whole)
    made = functools.cache(lambda place: pixels.webp(picture, quality=QUALITIES[place]))
    first, last = 0, len(QUALITIES) - 1
    while first < last:
        middle = (first + last) // 2
        first, last = (first, middle) if len(made(middle)) <= limit else (middle + 1, last)
    return made(first)
