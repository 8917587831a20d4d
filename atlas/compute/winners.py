"""The record of an image that activates a unit."""

from __future__ import annotations

import numpy as np

from atlas.data.records import Pair, Winner
from atlas.images.sources import Images, label_of, name_of
from atlas.networks.layers import Layer


def winner(images: Images, layer: Layer, image: int, value: np.float32, position: Pair) -> Winner:
    """The record of an image that activates a unit of a layer so strongly at a position."""
    true, held = layer.field.true_box(*position), layer.held.true_box(*position)
    return Winner(
        image,
        name_of(images, image),
        label_of(images, image),
        # the number with the fewest digits that is this float32 and no other
        float(np.format_float_positional(value, trim="-")),
        position,
        layer.held.box(*position).as_tuple(),
        true.as_tuple(),
        None if held == true else held.as_tuple(),
    )
