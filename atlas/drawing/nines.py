"""The nine tiles of a unit as one square sheet without gaps, which pages cut by thirds."""

from __future__ import annotations

import numpy as np
from PIL import Image

from atlas.drawing.pixels import small_encoded

SIDE = 3  # tiles along each side of a sheet


def nine_encoded(tiles: np.ndarray, box: tuple[int, int]) -> bytes:
    """Up to nine tiles ``[N, h, w, 3]`` uint8 in order of rank, row by row, as small WebP.

    ``box`` is the height and width of what a tile shows. The places of missing tiles are clear.
    """
    height, width = tiles.shape[1:3]
    sheet = np.zeros((SIDE * height, SIDE * width, 4), np.uint8)
    for rank, tile in enumerate(tiles):
        row, column = divmod(rank, SIDE)
        place = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        place[..., :3], place[..., 3] = tile, 255
    return small_encoded(Image.fromarray(sheet), box)
