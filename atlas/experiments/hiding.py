"""Hiding parts of images behind grey, and where masks lie in the input frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from atlas.images.masks import Masks
from atlas.images.preprocessing import Preprocessing


def grey(preprocessing: Preprocessing) -> tuple[int, ...]:
    """The levels of the colour that the normalisation takes to zero, within half a level."""
    return tuple(min(255, max(0, round(255 * mean))) for mean in preprocessing.mean)


def in_frame(mask: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    """A mask in the input frame, resized and cropped as its image is: ``[H, W]`` bool."""
    plain = replace(preprocessing, mode="L", mean=(0.0,), std=(1.0,), interpolation="bilinear")
    found: np.ndarray = plain.stimulus(mask)[..., 0] >= 128
    return found


def object_of(
    masks: Masks, image: int, label: str | None, preprocessing: Preprocessing
) -> tuple[str, np.ndarray] | None:
    """What an image shows, by its masks: its name, and where it is, ``[H, W]`` bool.

    It is the concept that is called as the image's class, or else all concepts together. None for
    an image without masks, or where the object fills the frame or lies outside.
    """
    found = {name: in_frame(mask, preprocessing) for name, mask in masks.of(image).items()}
    if not found:
        return None
    named = label is not None and label in found
    where = found[label] if named and label else np.any(list(found.values()), 0)
    if where.all() or not where.any():
        return None
    return (label if named and label else "all that is annotated"), where
