"""From arrays to what the eye sees: patches, pictures of reconstructions, plates of filters.

Pure functions over NumPy arrays; pictures are ``[H, W, 3]`` uint8.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from atlas.data import Plate
from atlas.receptive_fields import Box

SIDE = 128  # the longer side of a tile, at most
GAP, GUTTER = 2, 10
CRISP = 32  # boxes up to this size are enlarged pixel by pixel


def tile_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of a tile that shows a box of this size.

    A small box is enlarged by a whole factor, so that its pixels stay pixels; any other is scaled
    so that its longer side fills the tile.
    """
    longer = max(height, width)
    if longer <= CRISP:
        return height * (SIDE // longer), width * (SIDE // longer)
    return max(1, round(height * SIDE / longer)), max(1, round(width * SIDE / longer))


def plate_of(size: tuple[int, int]) -> Plate:
    """The plate of units whose nominal box has this height and width."""
    return Plate(tile_size(*size), GAP, GUTTER)


def patch(stimulus: np.ndarray, box: Box) -> np.ndarray:
    """The box cut from a stimulus ``[H, W, C]``; outside the image lies a quiet hatching."""
    rows, columns = np.mgrid[box.top : box.bottom, box.left : box.right]
    hatching = np.where((rows + columns) % 6 < 2, 150, 138).astype(np.uint8)
    picture = np.repeat(hatching[..., None], 3, 2)
    inside = ((rows >= 0) & (rows < stimulus.shape[0])) & (
        (columns >= 0) & (columns < stimulus.shape[1])
    )
    picture[inside] = stimulus[rows[inside], columns[inside]]
    return picture


def reconstruction(
    signal: np.ndarray, std: tuple[float, ...], box: Box, corner: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """The box cut from a reconstruction ``[C, h, w]``, zero as mid-grey.

    ``corner`` is where the reconstruction's top left lies in the input frame; outside it is zero.
    In the input's own colours: the scale of the normalisation is undone, its mean is not. The
    contrast is the reconstruction's own, so brightness can't be compared between two of them.
    """
    signal = (signal * np.array(std, np.float32)[:, None, None]).transpose(1, 2, 0)
    top, left = corner
    known = Box(
        max(box.top, top),
        max(box.left, left),
        min(box.bottom, top + signal.shape[0]),
        min(box.right, left + signal.shape[1]),
    )
    cut = np.zeros((box.height, box.width, signal.shape[2]), np.float32)
    if known.height > 0 and known.width > 0:
        cut[
            known.top - box.top : known.bottom - box.top,
            known.left - box.left : known.right - box.left,
        ] = signal[known.top - top : known.bottom - top, known.left - left : known.right - left]
    return signed(cut)


def signed(values: np.ndarray) -> np.ndarray:
    """Signed values ``[H, W, C]`` as a picture: zero mid-grey, the robust maximum full contrast.

    The robust maximum is the 99.5th percentile of the magnitudes that are not zero.
    """
    size = np.abs(values)
    some = size[size > 0]
    most = float(np.percentile(some, 99.5)) if some.size else 1.0
    picture = np.clip(128 + values * (127 / most), 0, 255)
    return np.broadcast_to(np.rint(picture).astype(np.uint8), (*values.shape[:2], 3))


def tile(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture at the size of its tile."""
    height, width = picture.shape[:2]
    if (height, width) == size:
        return picture
    if max(height, width) <= CRISP:
        return picture.repeat(size[0] // height, 0).repeat(size[1] // width, 1)
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.LANCZOS))


def plate(layout: Plate, tiles: np.ndarray, count: int) -> Image.Image:
    """A unit's plate from its tiles ``[9, 2, h, w, 3]`` (reconstruction, patch); gaps are clear.

    Only the first ``count`` places are filled.
    """
    height, width = layout.tile
    sheet = np.zeros((*layout.size, 4), np.uint8)
    for rank in range(count):
        for side in (0, 1):
            top, left = layout.place(rank, bool(side))
            sheet[top : top + height, left : left + width, :3] = tiles[rank, side]
            sheet[top : top + height, left : left + width, 3] = 255
    return Image.fromarray(sheet)


def filter_layout(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Height and width of one filter on the sheet of filters ``[U, C, k, k]``, and how many stand
    in a row.
    """
    height, width = tile_size(shape[2], shape[3])
    return height, width, min(shape[0], 12)


def filter_sheet(weight: np.ndarray, std: tuple[float, ...]) -> Image.Image:
    """All filters ``[U, C, k, k]`` of a layer that sees the input's channels, on one sheet.

    Each has its own contrast, zero mid-grey, in the input's own colours, as reconstructions have.
    """
    height, width, across = filter_layout(weight.shape)
    down = -(-len(weight) // across)
    sheet = np.zeros((down * (height + GAP) - GAP, across * (width + GAP) - GAP, 4), np.uint8)
    scale = np.array(std, np.float32)[:, None, None]
    for unit, filter_ in enumerate(weight):
        row, column = divmod(unit, across)
        place = (
            slice(row * (height + GAP), row * (height + GAP) + height),
            slice(column * (width + GAP), column * (width + GAP) + width),
        )
        sheet[place][..., :3] = tile(signed((filter_ * scale).transpose(1, 2, 0)), (height, width))
        sheet[place][..., 3] = 255
    return Image.fromarray(sheet)
