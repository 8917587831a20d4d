"""Lit patches: a patch in the dark, lit where its reconstruction is strong.

Pure functions over NumPy arrays. Pages draw the same with the SVG filter in ``macros.html``, from
the numbers below. Only the magnitude counts: a lit patch shows where a reconstruction is strong,
not its sign.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from atlas.data.records import Plate

BLUR = 0.0225  # of a tile's side: the standard deviation of the blur
GAIN = 4.5  # a blurred magnitude of 1 / GAIN of full contrast is fully lit
DARK = 0.12  # what is left of a patch's light where the reconstruction is zero


def light(reconstruction: np.ndarray) -> np.ndarray:
    """How brightly a reconstruction's tile ``[h, w, 3]`` uint8 lights its patch: ``[h, w]``.

    The distance from mid-grey, blurred, with gain, from ``DARK`` to 1; mean over the channels.
    """
    height, width = reconstruction.shape[:2]
    magnitude = np.abs(2 * (reconstruction / 255) - 1).mean(2)
    blurred = _blur(height) @ magnitude @ _blur(width).T
    return np.clip(DARK + (1 - DARK) * GAIN * blurred, 0, 1)


def lit(reconstruction: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """A patch's tile ``[h, w, 3]`` uint8, lit by its reconstruction's: a tile of the same size."""
    return np.rint(patch * light(reconstruction)[..., None]).astype(np.uint8)


def lit_plate(layout: Plate, plate: Image.Image, count: int) -> Image.Image:
    """A unit's plate (RGBA) with the lit patches of its ``count`` winners for reconstructions."""
    height, width = layout.tile
    sheet = np.array(plate)
    for rank in range(count):
        (top, left), (over, beyond) = layout.place(rank, False), layout.place(rank, True)
        own = sheet[top : top + height, left : left + width, :3]
        own[:] = lit(own, sheet[over : over + height, beyond : beyond + width, :3])
    return Image.fromarray(sheet)


def _blur(side: int) -> np.ndarray:
    """The Gaussian over so many pixels as a matrix ``[side, side]`` whose rows sum to 1.

    At the ends it takes what there is.
    """
    steps = np.arange(side)
    weights = np.exp(-0.5 * ((steps[:, None] - steps) / (BLUR * side)) ** 2)
    return weights / weights.sum(1, keepdims=True)
