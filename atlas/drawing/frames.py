"""Pictures in rows and columns, small, as WebP: the filmstrips of experiments."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

SIDE = 96  # pixels of a frame's longer side
GAP = 4  # pixels between frames


def small(picture: np.ndarray, side: int = SIDE) -> np.ndarray:
    """A picture ``[H, W, C]`` uint8, at most so many pixels high and wide."""
    height, width = picture.shape[:2]
    share = side / max(height, width)
    if share >= 1:
        return picture
    size = max(1, round(width * share)), max(1, round(height * share))
    scaled = _image(picture).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(scaled).reshape(size[1], size[0], picture.shape[2])


def sheet(rows: Sequence[Iterable[np.ndarray]]) -> bytes:
    """Pictures ``[H, W, C]`` of one size, in rows, as WebP; gaps are transparent."""
    frames = [[small(picture) for picture in row] for row in rows]
    height, width = frames[0][0].shape[:2]
    across, down = max(map(len, frames)), len(frames)
    whole = np.zeros((down * (height + GAP) - GAP, across * (width + GAP) - GAP, 4), np.uint8)
    for row, pictures in enumerate(frames):
        for column, picture in enumerate(pictures):
            top, left = row * (height + GAP), column * (width + GAP)
            whole[top : top + height, left : left + width, :3] = picture
            whole[top : top + height, left : left + width, 3] = 255
    return webp(whole, quality=70)


def webp(picture: np.ndarray, *, quality: int = 70, lossless: bool = False) -> bytes:
    """A picture as WebP."""
    file = io.BytesIO()
    _image(picture).save(file, "WEBP", method=4, quality=quality, lossless=lossless)
    return file.getvalue()


def png(picture: np.ndarray) -> bytes:
    """A picture as PNG."""
    file = io.BytesIO()
    _image(picture).save(file, "PNG", optimize=True)
    return file.getvalue()


def _image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
