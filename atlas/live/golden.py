"""The golden input: a picture that the page can make itself, and what the network gives for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlas.data.live import Golden
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction.deconvnet import reconstruct


def golden_picture(height: int, width: int, channels: int) -> np.ndarray:
    """The golden input ``[H, W, C]`` uint8: waves of several lengths, in whole numbers."""
    rows, columns, channel = np.ogrid[:height, :width, :channels]
    waves = rows * 37 + columns * 91 + channel * 53 + ((rows * columns) >> 4) * 29
    picture: np.ndarray = (waves & 255).astype(np.uint8)
    return picture


def golden(network: Network, layers: Sequence[Layer]) -> tuple[tuple[Golden, ...], float]:
    """The most active place of each layer, and the energy of the last one's reconstruction.

    The energy is the root mean square over the input frame, before the normalisation's scale is
    undone.
    """
    channels, height, width = network.preprocessing.input_shape
    picture = golden_picture(height, width, channels)
    found = []
    inputs = network.inputs(picture[None])
    for layer, maps in network.activations(inputs, layers):
        values = maps[0].numpy(force=True)
        unit, row, column = (int(i) for i in np.unravel_index(values.argmax(), values.shape))
        value = float(f"{values[unit, row, column]:.7g}")
        found.append(Golden(layer.id, unit, row, column, value))
    last = found[-1]
    image = reconstruct(network, picture, last.layer, last.unit, (last.row, last.column))
    energy = float(np.sqrt(np.mean(np.square(image.numpy(force=True).astype(np.float64)))))
    return tuple(found), float(f"{energy:.7g}")
