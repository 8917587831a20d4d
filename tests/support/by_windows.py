"""Activations from windows of the input, as evidence computes them."""

from __future__ import annotations

import torch

from atlas.evidence.partial_forward import activations, cone
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Input
from atlas.reconstruction.windows import Window, gathered


def by_windows(network: Network, layer: Layer, x: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Each activation (stimulus, unit, row, column) of ``at``, from what it depends on.

    Beyond the image stands what is not zero.
    """
    of, unit, positions = at[:, 0], at[:, 1], at[:, 2:]
    spans = cone(network.graph, layer, positions)
    node, span = next(reversed(spans.items()))
    below = Window(x[of])
    if span is not None and isinstance(network.graph.operations[node], Input):
        inside = span.inside(network.graph.input_shape)
        below = Window(torch.where(inside, gathered(x, of, span), 7.0), span.top, span.left)
    return activations(network.graph, layer, below, spans=spans, units=unit, positions=positions)
