"""The control twin: a network's graph with shuffled weights.

A reconstruction that looks the same through weights that have learned nothing shows the image, not
the unit (Adebayo et al. 2018; Nie et al. 2018). Every tensor of weights is shuffled, so it keeps
all its values. The tensors of a module that hold one number for each channel are shuffled in the
same order, because a batch norm's scale and variance only make sense together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from atlas.networks.graph import Graph


def control_twin(graph: Graph, seed: int = 0) -> Graph:
    """The same graph with shuffled weights and the same nodes; the model itself is not changed."""
    return graph.changed(lambda path, tensors: _shuffled(tensors, f"{seed} {path}"))


def _shuffled(own: Mapping[str, Tensor], seed: str) -> dict[str, Tensor]:
    """A module's own tensors, shuffled."""
    digest = hashlib.sha256(seed.encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    orders: dict[int, Tensor] = {}
    shuffled = {}
    for name, values in sorted(own.items()):
        count = values.numel()
        order = torch.randperm(count, generator=generator)
        if values.dim() == 1:
            order = orders.setdefault(count, order)
        flat = values.detach().reshape(-1)[order.to(values.device)]
        shuffled[name] = flat.view(values.shape)
    return shuffled
