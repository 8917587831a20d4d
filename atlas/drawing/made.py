"""Pictures that were made for a unit: as files, and put where the unit looks."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from atlas.data.records import Corners
from atlas.drawing.pixels import is_crisp

QUALITY = 88  # less costs activations, which live on sharp edges


def encoded(picture: np.ndarray) -> bytes:
    """A picture ``[h, w, C]`` uint8 as WebP; without loss where it is enlarged pixel by pixel."""
    file = io.BytesIO()
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    crisp = is_crisp((picture.shape[0], picture.shape[1]))
    image.save(file, "WEBP", method=4, quality=QUALITY, lossless=crisp)
    return file.getvalue()


def decoded(content: bytes, mode: str) -> np.ndarray:
    """A picture of Pillow's ``mode`` from a file: ``[h, w, C]`` uint8."""
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image.convert(mode))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def placed(
    picture: np.ndarray, box: Corners, size: tuple[int, int], mean: Sequence[float]
) -> np.ndarray:
    """A frame ``[H, W, C]`` uint8 of the network's mean colour with a picture in a box of it."""
    whole = np.empty((*size, picture.shape[2]), np.uint8)
    whole[:] = np.clip(np.round(np.asarray(mean) * 255), 0, 255)
    top, left, bottom, right = box
    whole[top:bottom, left:right] = picture
    return whole
