"""What a person sees of a picture's pixels, whatever they are stored as: 8 bits, grey or colour."""

from __future__ import annotations

import numpy as np
from PIL import Image

DEEP = 65535  # the largest value of 16 bits


def seen(image: Image.Image, mode: str) -> Image.Image:
    """A picture in Pillow's mode "RGB" or "L", as a viewer shows it on white paper.

    Sixteen bits become eight, where Pillow would cut off all above 255; what is transparent shows
    the paper, not the colour that its file hides there. Raises ``ValueError`` for numbers of which
    nobody knows what is white, and where there is no way from these colours to those.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _shallow(image)
    if image.has_transparency_data:
        return _on_paper(image, mode)
    return image.convert(mode)


def _shallow(image: Image.Image) -> Image.Image:
    """Deep grey in eight bits."""
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers, of which none is known as white")
    values = np.asarray(image)
    if values.min(initial=0) < 0 or values.max(initial=0) > DEEP:
        raise ValueError("its pixels are numbers of 32 bits, of which none is known as white")
    return Image.fromarray(np.rint(values / (DEEP / 255)).astype(np.uint8))


def _on_paper(image: Image.Image, mode: str) -> Image.Image:
    picture = image.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture).convert(mode)
