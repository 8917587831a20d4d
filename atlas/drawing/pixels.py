"""From arrays to what the eye sees: patches, pictures of reconstructions, plates of filters.

Pure functions over NumPy arrays; pictures are ``[H, W, 3]`` uint8.
"""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from atlas.data.geometry import Box
from atlas.data.records import Plate

SIDE = 96  # the longer side of a tile, at most
GAP, GUTTER = 2, 10
# of plates as lossy WebP, and what share of the first one's bytes they were found to take
QUALITIES = {75: 1.0, 60: 0.82, 45: 0.72, 30: 0.6}
PLATE_BYTES = 14_000
LEAN_BYTES, LEAN_QUALITY = 10_000, {15: 0.45}  # where room is short
THUMBNAIL = 3  # times smaller than a plate
CRISP = 32  # boxes up to this size are enlarged pixel by pixel


def is_crisp(size: tuple[int, int]) -> bool:
    """Whether a box of this height and width is enlarged pixel by pixel."""
    return max(size) <= CRISP


def tile_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of a tile that shows a box of this size.

    A small box is enlarged by a whole factor, so that its pixels stay pixels; any other is scaled
    so that its longer side fills the tile.
    """
    longer = max(height, width)
    if is_crisp((height, width)):
        return height * (SIDE // longer), width * (SIDE // longer)
    return max(1, round(height * SIDE / longer)), max(1, round(width * SIDE / longer))


def plate_of(size: tuple[int, int], patches: bool = True) -> Plate:
    """The plate of units whose nominal box has this height and width, with patches or without."""
    return Plate(tile_size(*size), GAP, GUTTER, patches)


def small_plate_of(size: tuple[int, int], patches: bool = True) -> Plate:
    """The same with tiles as small as on a strip: of what goes with a plate."""
    return Plate(strip_tile(size), GAP, GUTTER, patches)


def patch(stimulus: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """The tile that shows a box of a stimulus ``[H, W, C]``; outside lies a quiet hatching."""
    height, width = stimulus.shape[:2]
    seen = _overlap(box, Box(0, 0, height, width))
    background = _hatching(size).copy()
    part = stimulus[seen.top : seen.bottom, seen.left : seen.right]
    return _laid(np.broadcast_to(part, (*part.shape[:2], 3)), seen, box, background)


def blurred(stimulus: np.ndarray) -> np.ndarray:
    """A stimulus ``[H, W, C]`` that nothing can be recognised in any more: uint8 of that shape.

    By a Gaussian whose standard deviation is a twentieth of the shorter side.
    """
    radius = min(stimulus.shape[:2]) / 20
    image = Image.fromarray(stimulus.squeeze(2) if stimulus.shape[2] == 1 else stimulus)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius))).reshape(stimulus.shape)


@functools.cache
def _hatching(size: tuple[int, int]) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    hatching = np.where((rows + columns) % 8 < 3, 150, 138).astype(np.uint8)
    return np.repeat(hatching[..., None], 3, 2)


def reconstruction(
    signal: np.ndarray,
    std: tuple[float, ...],
    box: Box,
    size: tuple[int, int],
    corner: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """The tile that shows a box of a reconstruction ``[C, h, w]``, zero as mid-grey.

    ``corner`` is where the reconstruction's top left lies in the input frame; outside it is zero.
    In the input's own colours: the scale of the normalisation is undone, its mean is not. The
    contrast is the reconstruction's own, so brightness can't be compared between two of them.
    """
    signal = (signal * np.array(std, np.float32)[:, None, None]).transpose(1, 2, 0)
    top, left = corner
    known = _overlap(box, Box(top, left, top + signal.shape[0], left + signal.shape[1]))
    part = signal[known.top - top : known.bottom - top, known.left - left : known.right - left]
    return _laid(signed(part), known, box, np.full((*size, 3), 128, np.uint8))


def _overlap(one: Box, other: Box) -> Box:
    top, left = max(one.top, other.top), max(one.left, other.left)
    bottom, right = min(one.bottom, other.bottom), min(one.right, other.right)
    return Box(top, left, max(top, bottom), max(left, right))


def _laid(picture: np.ndarray, part: Box, box: Box, tile: np.ndarray) -> np.ndarray:
    """Lay a picture of a part of a box where that part is on the tile of the whole box."""
    if part.height == 0 or part.width == 0:
        return tile
    down, right = tile.shape[0] / box.height, tile.shape[1] / box.width
    rows = round((part.top - box.top) * down), round((part.bottom - box.top) * down)
    columns = round((part.left - box.left) * right), round((part.right - box.left) * right)
    height, width = max(1, rows[1] - rows[0]), max(1, columns[1] - columns[0])
    if is_crisp((box.height, box.width)):
        scaled = picture.repeat(height // part.height, 0).repeat(width // part.width, 1)
    elif (height, width) == picture.shape[:2]:
        scaled = picture
    else:
        image = Image.fromarray(np.ascontiguousarray(picture))
        scaled = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
    place = tile[rows[0] : rows[0] + height, columns[0] : columns[0] + width]
    place[:] = scaled[: place.shape[0], : place.shape[1]]
    return tile


def signed(values: np.ndarray) -> np.ndarray:
    """Signed values ``[H, W, C]`` as a picture: zero mid-grey, the robust maximum full contrast.

    The robust maximum is the 99.5th percentile of the magnitudes that are not zero.
    """
    most = _robust_maximum(np.abs(values).ravel(order="K")) or 1.0
    picture = np.clip(128 + values * (127 / most), 0, 255)
    return np.broadcast_to(np.rint(picture).astype(np.uint8), (*values.shape[:2], 3))


def _robust_maximum(sizes: np.ndarray) -> float:
    """The 99.5th percentile of what is above zero; 0 where nothing is. Sizes are none below.

    As ``np.percentile`` interpolates it, in a third of its time: zeros are counted, not taken out.
    """
    count = np.count_nonzero(sizes)
    if not count:
        return 0.0
    place = sizes.size - count + 0.995 * (count - 1)
    below = int(place)
    above = min(below + 1, sizes.size - 1)
    parted = np.partition(sizes, (below, above))
    return float(parted[below] + (place - below) * (parted[above] - parted[below]))


def plate(layout: Plate, tiles: np.ndarray, count: int) -> Image.Image:
    """A unit's plate from its tiles ``[9, 2, h, w, 3]`` (reconstruction, patch); gaps are clear.

    Only the first ``count`` places are filled.
    """
    height, width = layout.tile
    sheet = np.zeros((*layout.size, 4), np.uint8)
    for rank in range(count):
        for side in (0, 1) if layout.patches else (0,):
            top, left = layout.place(rank, bool(side))
            sheet[top : top + height, left : left + width, :3] = tiles[rank, side]
            sheet[top : top + height, left : left + width, 3] = 255
    return Image.fromarray(sheet)


def encoded(picture: Image.Image, box: tuple[int, int], lean: bool = False) -> bytes:
    """A plate as WebP: without loss where its boxes are enlarged pixel by pixel.

    Any other takes the best of some qualities that should keep it within ``PLATE_BYTES``, or
    ``LEAN_BYTES``, or the least: noise, which is all that some reconstructions are, would take
    several times the room.
    """
    if is_crisp(box):
        return _webp(picture, lossless=True, quality=50)
    limit, shares = PLATE_BYTES, QUALITIES
    if lean:
        limit, shares = LEAN_BYTES, QUALITIES | LEAN_QUALITY
    best, *less = shares
    found = _webp(picture, quality=best)
    if len(found) <= limit:
        return found
    fits = (q for q in less if len(found) * shares[q] <= limit)
    return _webp(picture, quality=next(fits, less[-1]))


def small_encoded(picture: Image.Image, box: tuple[int, int]) -> bytes:
    """The same for a small plate, at the least quality; noise is often all it shows.

    Only the smallest boxes keep their pixels: noise of more of them would take much room.
    """
    if max(box) <= CRISP // 2:
        return _webp(picture, lossless=True, quality=50)
    return _webp(picture, quality=min(QUALITIES))


def strip_tile(box: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a small tile, two thirds of one on the plate of such boxes."""
    height, width = tile_size(*box)
    if is_crisp(box):
        factor = max(1, height // box[0] * 2 // 3)
        return box[0] * factor, box[1] * factor
    return max(1, height * 2 // 3), max(1, width * 2 // 3)


def strip_size(tile: tuple[int, int], count: int) -> tuple[int, int]:
    """Height and width of a strip of so many tiles of this size."""
    return tile[0], count * (tile[1] + GAP) - GAP


def strip(tiles: np.ndarray, shown: list[bool], box: tuple[int, int]) -> bytes:
    """Tiles ``[N, h, w, 3]`` side by side, as WebP; those not shown stay clear."""
    height, width = tiles.shape[1:3]
    sheet = np.zeros((*strip_size((height, width), len(tiles)), 4), np.uint8)
    for place, tile in enumerate(tiles):
        if shown[place]:
            left = place * (width + GAP)
            sheet[:, left : left + width, :3] = tile
            sheet[:, left : left + width, 3] = 255
    return _webp(Image.fromarray(sheet), quality=90 if is_crisp(box) else 60)


def thumbnail(picture: Image.Image) -> bytes:
    """A plate at a third of its size, as WebP."""
    height, width = thumbnail_size((picture.height, picture.width))
    return _webp(picture.resize((width, height), Image.Resampling.BOX), quality=60)


def thumbnail_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the thumbnail of a plate of this height and width."""
    return max(1, size[0] // THUMBNAIL), max(1, size[1] // THUMBNAIL)


def _webp(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", method=2, **options)  # a third of 3's time
    return file.getvalue()


def filter_layout(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Height and width of one filter on the sheet of filters ``[U, C, k, k]``, and how many stand
    in a row.
    """
    height, width = tile_size(shape[2], shape[3])
    return height, width, min(shape[0], 12)


def sheet_size(layout: tuple[int, int, int], units: int) -> tuple[int, int]:
    """Height and width of the sheet of so many filters."""
    height, width, across = layout
    return -(-units // across) * (height + GAP) - GAP, across * (width + GAP) - GAP


def filter_sheet(weight: np.ndarray, std: tuple[float, ...]) -> Image.Image:
    """All filters ``[U, C, k, k]`` of a layer that sees the input's channels, on one sheet.

    Each has its own contrast, zero mid-grey, in the input's own colours, as reconstructions have.
    """
    layout = filter_layout(weight.shape)
    height, width, across = layout
    sheet = np.zeros((*sheet_size(layout, len(weight)), 4), np.uint8)
    scale = np.array(std, np.float32)[:, None, None]
    for unit, filter_ in enumerate(weight):
        row, column = divmod(unit, across)
        place = (
            slice(row * (height + GAP), row * (height + GAP) + height),
            slice(column * (width + GAP), column * (width + GAP) + width),
        )
        drawn = signed((filter_ * scale).transpose(1, 2, 0))
        whole = Box(0, 0, *drawn.shape[:2])
        sheet[place][..., :3] = _laid(drawn, whole, whole, np.zeros((height, width, 3), np.uint8))
        sheet[place][..., 3] = 255
    return Image.fromarray(sheet)
