"""Activations from windows of the input against those of the whole network.

Those of random networks: ``tests/test_any_network.py``.
"""

import pytest
import torch

import atlas
from atlas.evidence.partial_forward import cone
from tests.support.by_windows import by_windows
from tests.support.random_networks import maps


@pytest.mark.slow
def test_windows_of_a_real_network() -> None:
    network = atlas.load_network("squeezenet1_1", "none")
    x = torch.randn(2, *network.graph.input_shape, generator=torch.Generator().manual_seed(3))
    for layer in network.layers.values():
        shape = (2, *layer.shape)
        generator = torch.Generator().manual_seed(5)
        at = torch.stack([torch.randint(0, n, (6,), generator=generator) for n in shape], 1)
        wanted = maps(network, x, layer)[at[:, 0], at[:, 1], at[:, 2], at[:, 3]]
        torch.testing.assert_close(by_windows(network, layer, x, at), wanted, rtol=1e-4, atol=1e-5)
    spans = cone(network.graph, network.layer("features.3.squeeze"), torch.tensor([[5, 5]]))
    _, span = next(reversed(spans.items()))
    assert span is not None and span.size == (7, 7)
