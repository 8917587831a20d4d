"""Drawing patches, reconstructions, plates, strips and sheets of filters.

Pure functions over NumPy arrays. A tile is a picture ``[h, w, 3]`` uint8 of one box; a plate holds
a unit's nine reconstructions beside its nine patches (or the reconstructions alone); a strip is a
row of smaller tiles; a sheet shows a layer's filters.
"""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from atlas.data.geometry import Box
from atlas.data.records import Plate

SIDE = 96  # pixels along the longer side of a tile, at most
GAP, GUTTER = 2, 10  # pixels between tiles, and between reconstructions and patches
# qualities of plates as lossy WebP, and the bytes they took as a share of the first one's
QUALITIES = {75: 1.0, 60: 0.82, 45: 0.72, 30: 0.6}
PLATE_BYTES = 14_000
SMALL_BYTES, SMALL_QUALITIES = 10_000, QUALITIES | {15: 0.45}  # of plates that aren't sharp
STRIP_QUALITY, CRISP_STRIP_QUALITY = 45, 80
THUMBNAIL = 3  # a thumbnail's sides are this many times shorter than its plate's
CRISP = 32  # boxes up to this side are enlarged pixel by pixel


def is_crisp(size: tuple[int, int]) -> bool:
    """Whether a box of this height and width is enlarged pixel by pixel."""
    return max(size) <= CRISP


def tile_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of a tile that shows a box of this height and width.

    A crisp box is enlarged by a whole factor, so that its pixels stay squares; any other is scaled
    so that its longer side is ``SIDE``.
    """
    longer = max(height, width)
    if is_crisp((height, width)):
        return height * (SIDE // longer), width * (SIDE // longer)
    return max(1, round(height * SIDE / longer)), max(1, round(width * SIDE / longer))


def plate_of(size: tuple[int, int], patches: bool = True) -> Plate:
    """The layout of plates for a nominal box of this height and width, with patches or without."""
    return Plate(tile_size(*size), GAP, GUTTER, patches)


def small_plate_of(size: tuple[int, int], patches: bool = True) -> Plate:
    """The same layout with tiles as small as those of a strip: for the plate of the trials."""
    return Plate(strip_tile(size), GAP, GUTTER, patches)


def patch(stimulus: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """The tile that shows a box of a stimulus ``[H, W, C]``, hatched outside the stimulus.

    ``size`` is the tile's height and width.
    """
    height, width = stimulus.shape[:2]
    inside = _overlap(box, Box(0, 0, height, width))
    background = _hatching(size).copy()
    part = stimulus[inside.top : inside.bottom, inside.left : inside.right]
    colours = np.broadcast_to(part, (*part.shape[:2], 3))
    return _drawn_on(background, colours, part=inside, box=box)


def blurred(stimulus: np.ndarray) -> np.ndarray:
    """A stimulus ``[H, W, C]`` uint8, blurred until nothing can be recognised: the same shape.

    The Gaussian's standard deviation is a twentieth of the shorter side.
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
    *,
    std: tuple[float, ...],
    box: Box,
    size: tuple[int, int],
    corner: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """The tile that shows a box of a reconstruction ``[C, h, w]``, with zero as mid-grey.

    ``corner`` (row, column) is the place of ``signal``'s top left in the input frame; the
    reconstruction is zero outside ``signal``. ``std`` is the preprocessing's: its scale is undone,
    its mean is not, so the colours are the input's. ``size`` is the tile's height and width. The
    contrast follows from the reconstruction itself, so brightness can't be compared between tiles.
    """
    signal = (signal * np.array(std, np.float32)[:, None, None]).transpose(1, 2, 0)
    top, left = corner
    inside = _overlap(box, Box(top, left, top + signal.shape[0], left + signal.shape[1]))
    part = signal[inside.top - top : inside.bottom - top, inside.left - left : inside.right - left]
    grey = np.full((*size, 3), 128, np.uint8)
    return _drawn_on(grey, signed(part), part=inside, box=box)


def _overlap(one: Box, other: Box) -> Box:
    top, left = max(one.top, other.top), max(one.left, other.left)
    bottom, right = min(one.bottom, other.bottom), min(one.right, other.right)
    return Box(top, left, max(top, bottom), max(left, right))


def _drawn_on(tile: np.ndarray, picture: np.ndarray, *, part: Box, box: Box) -> np.ndarray:
    """The tile of a whole box, with the picture of one part of the box drawn in its place."""
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
    """A picture of signed values ``[H, W, C]``: zero is mid-grey, the robust maximum full contrast.

    The robust maximum is the 99.5th percentile of the magnitudes above zero.
    """
    most = robust_maximum(np.abs(values).ravel(order="K")) or 1.0
    picture = np.clip(128 + values * (127 / most), 0, 255)
    return np.broadcast_to(np.rint(picture).astype(np.uint8), (*values.shape[:2], 3))


def robust_maximum(magnitudes: np.ndarray) -> float:
    """The 99.5th percentile of the magnitudes above zero; 0 if none is.

    ``np.percentile`` interpolates alike, but takes three times as long, because the zeros would
    have to be removed first. Here they are counted and skipped.
    """
    count = np.count_nonzero(magnitudes)
    if not count:
        return 0.0
    place = magnitudes.size - count + 0.995 * (count - 1)
    below = int(place)
    above = min(below + 1, magnitudes.size - 1)
    parted = np.partition(magnitudes, (below, above))
    return float(parted[below] + (place - below) * (parted[above] - parted[below]))


def plate(layout: Plate, tiles: np.ndarray, count: int) -> Image.Image:
    """A unit's plate from its tiles ``[9, 2, h, w, 3]`` (reconstruction, patch).

    Only the first ``count`` of the nine are drawn; gaps and the rest are transparent.
    """
    height, width = layout.tile
    sheet = np.zeros((*layout.size, 4), np.uint8)
    for rank in range(count):
        for side in (0, 1) if layout.patches else (0,):
            top, left = layout.place(rank, bool(side))
            sheet[top : top + height, left : left + width, :3] = tiles[rank, side]
            sheet[top : top + height, left : left + width, 3] = 255
    return Image.fromarray(sheet)


def encoded(picture: Image.Image, box: tuple[int, int], *, sharp: bool = True) -> bytes:
    """A plate as WebP; ``box`` is the height and width of the boxes on it.

    A plate of crisp boxes is encoded without loss, unless that takes more than ``SMALL_BYTES`` and
    it needn't be ``sharp``. Any other takes the best quality that should keep it within
    ``PLATE_BYTES`` (``SMALL_BYTES`` where it needn't be sharp), and the lowest if none does: some
    reconstructions are mere noise, which would take several times as many bytes.
    """
    limit, shares = (PLATE_BYTES, QUALITIES) if sharp else (SMALL_BYTES, SMALL_QUALITIES)
    if is_crisp(box):
        content = webp(picture, lossless=True, quality=50)
        if sharp or len(content) <= limit:
            return content
    best, *lower = shares
    content = webp(picture, quality=best)
    if len(content) <= limit:
        return content
    fitting = (quality for quality in lower if len(content) * shares[quality] <= limit)
    return webp(picture, quality=next(fitting, lower[-1]))


def small_encoded(picture: Image.Image, box: tuple[int, int]) -> bytes:
    """A small plate as WebP, at the lowest quality, because it often shows mere noise.

    Only plates of the smallest boxes are encoded without loss: larger ones would take many bytes.
    """
    if is_small_without_loss(box):
        return webp(picture, lossless=True, quality=50)
    return webp(picture, quality=min(QUALITIES))


def is_small_without_loss(box: tuple[int, int]) -> bool:
    """Whether a small plate of boxes of this height and width is encoded without loss."""
    return max(box) <= CRISP // 2


def strip_tile(box: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a strip's tile: two thirds of the plate's tile of the same box."""
    height, width = tile_size(*box)
    if is_crisp(box):
        factor = max(1, height // box[0] * 2 // 3)
        return box[0] * factor, box[1] * factor
    return max(1, height * 2 // 3), max(1, width * 2 // 3)


def strip_size(tile: tuple[int, int], count: int) -> tuple[int, int]:
    """Height and width of a strip of ``count`` tiles of this size."""
    return tile[0], count * (tile[1] + GAP) - GAP


def strip(tiles: np.ndarray, shown: list[bool], box: tuple[int, int]) -> bytes:
    """Tiles ``[N, h, w, 3]`` side by side, as WebP; those not ``shown`` stay transparent."""
    height, width = tiles.shape[1:3]
    sheet = np.zeros((*strip_size((height, width), len(tiles)), 4), np.uint8)
    for place, tile in enumerate(tiles):
        if shown[place]:
            left = place * (width + GAP)
            sheet[:, left : left + width, :3] = tile
            sheet[:, left : left + width, 3] = 255
    return webp(
        Image.fromarray(sheet), quality=CRISP_STRIP_QUALITY if is_crisp(box) else STRIP_QUALITY
    )


def thumbnail(picture: Image.Image) -> bytes:
    """A plate at a third of its size, as WebP."""
    size = max(1, picture.width // THUMBNAIL), max(1, picture.height // THUMBNAIL)
    return webp(picture.resize(size, Image.Resampling.BOX), quality=60)


def webp(picture: Image.Image, **options: Any) -> bytes:
    """A picture as WebP; ``options`` are Pillow's."""
    file = io.BytesIO()
    # method 4 saves a fifteenth of the bytes, but takes twice the time: a tenth of a whole build's
    picture.save(file, "WEBP", method=2, **options)
    return file.getvalue()


def filter_layout(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Height and width of a filter on the sheet of ``[U, C, k, k]``, and the filters in a row."""
    height, width = tile_size(shape[2], shape[3])
    return height, width, min(shape[0], 12)


def sheet_size(layout: tuple[int, int, int], units: int) -> tuple[int, int]:
    """Height and width of the sheet of ``units`` filters with this ``filter_layout``."""
    height, width, across = layout
    return -(-units // across) * (height + GAP) - GAP, across * (width + GAP) - GAP


def filter_sheet(weight: np.ndarray, std: tuple[float, ...]) -> Image.Image:
    """The sheet of the filters ``[U, C, k, k]`` of a layer that reads the input's channels.

    Each filter is drawn as reconstructions are: zero as mid-grey, with its own contrast, in the
    input's colours.
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
        tile = np.zeros((height, width, 3), np.uint8)
        sheet[place][..., :3] = _drawn_on(tile, drawn, part=whole, box=whole)
        sheet[place][..., 3] = 255
    return Image.fromarray(sheet)
