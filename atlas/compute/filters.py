"""The filters of a layer that sees the pixels themselves, which can be drawn."""

from __future__ import annotations

import numpy as np
from torch import nn

from atlas.networks.layers import Layer
from atlas.networks.network import Network


def pixel_filters(network: Network, layer: Layer) -> np.ndarray | None:
    """The filters ``[U, C, k, k]`` float32 of a layer that sees the input; None elsewhere."""
    module = dict(network.module.named_modules()).get(layer.module)
    if not isinstance(module, nn.Conv2d) or layer.field.size != module.kernel_size:
        return None
    if module.in_channels != network.preprocessing.input_shape[0] or module.groups != 1:
        return None
    return module.weight.detach().float().cpu().numpy()
