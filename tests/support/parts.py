"""Pre-activations taken apart."""

from __future__ import annotations

import torch
from torch import Tensor

from atlas.networks.contributions import Parts, Where, Wiring, contributions, find_wirings
from atlas.networks.network import Network


def everywhere(network: Network, name: str, images: int) -> Where:
    """All activations of a layer."""
    layer = network.layers[name]
    counts = (images, *layer.shape)
    grid = torch.stack(torch.meshgrid(*map(torch.arange, counts), indexing="ij"), -1).view(-1, 4)
    return Where(grid[:, 0], grid[:, 1], grid[:, 2:])


def taken_apart(network: Network, x: Tensor) -> dict[str, tuple[Wiring, Where, Parts]]:
    """Every activation of every layer that is a sum, by layer."""
    wirings = find_wirings(network.graph, network.layers, network.layers)
    wanted = {name: everywhere(network, name, len(x)) for name in wirings}
    parts = dict(contributions(network.graph, wirings, x, wanted))
    return {name: (wirings[name], wanted[name], parts[name]) for name in wirings}
