"""The control twin: a network's graph with shuffled weights.

A reconstruction that looks the same through weights that have learned nothing shows the image, not
the unit (Adebayo et al. 2018; Nie et al. 2018). Every tensor of weights is shuffled, so it keeps
all its values. The tensors of a module that hold one number for each channel are shuffled in the
same order, because a batch norm's scale and variance only make sense together.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from atlas.networks.graph import Graph


def control_twin(graph: Graph, seed: int = 0) -> Graph:
    """The same graph with shuffled weights and the same nodes; the model itself is not changed."""
    return graph.changed(lambda path, module: _shuffle(module, f"{seed} {path}"))


def _shuffle(module: nn.Module, seed: str) -> None:
    """Shuffle a module's own weights in place."""
    digest = hashlib.sha256(seed.encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    orders: dict[int, Tensor] = {}
    running = {n: b for n, b in module.named_buffers(recurse=False) if n.startswith("running_")}
    own = {**dict(module.named_parameters(recurse=False)), **running}
    with torch.no_grad():
        for _, values in sorted(own.items()):
            count = values.numel()
            order = torch.randperm(count, generator=generator)
            if values.dim() == 1:
                order = orders.setdefault(count, order)
            flat = values.detach().reshape(-1)[order.to(values.device)]
            values.copy_(flat.view(values.shape))
