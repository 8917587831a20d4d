"""The scan's walk of a graph against the plain one."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from atlas.networks.graph import Graph
from atlas.scanning.forward import Forward, peaks_of, prepared

SLOTS = 16


def the_same(graph: Graph, forward: Forward, inputs: Tensor) -> None:
    """Values, strides and peaks are the same to the last bit."""
    with torch.inference_mode():
        wanted = {node: values[node] for node, values in graph.run(inputs) if node in forward.nodes}
    seen = []
    for node, value, found in forward.run(inputs):
        seen.append(node)
        assert torch.equal(value, wanted[node]), node
        assert value.stride() == wanted[node].stride(), node
        if found:
            expected = peaks_of(wanted[node])
            for one, other in ((found.value, expected.value), (found.place, expected.place)):
                assert torch.equal(one, other) and one.dtype == other.dtype
    assert seen == list(wanted)


def any_nodes_are_the_same(graph: Graph, seed: int) -> None:
    """Whichever maps are asked for."""
    generator = torch.Generator().manual_seed(seed)
    maps = [node for node in graph.operations if len(graph.shapes[node]) == 3]
    chosen = [node for node in maps if np.random.default_rng(seed).random() < 0.4] or maps[-1:]
    inputs = torch.randn((SLOTS, *graph.input_shape), generator=generator, dtype=graph.dtype)
    the_same(graph, prepared(graph, chosen, SLOTS), inputs.to(memory_format=torch.channels_last))
