"""Activations from windows of the input against those of the whole network."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import atlas
from atlas.evidence.partial_forward import activations, cone
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Input
from atlas.reconstruction.windows import Window, gathered
from tests.support.random_networks import QUIET, Drawn, inputs, maps, networks, wrapped


def by_windows(network: Network, layer: Layer, x: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Each activation (stimulus, unit, row, column) of ``at``, from what it depends on."""
    of, unit, positions = at[:, 0], at[:, 1], at[:, 2:]
    spans = cone(network.graph, layer, positions)
    node, span = next(reversed(spans.items()))
    below = Window(x[of])
    if span is not None and isinstance(network.graph.operations[node], Input):
        inside = span.inside(network.graph.input_shape)
        below = Window(torch.where(inside, gathered(x, of, span), 7.0), span.top, span.left)
    return activations(network.graph, layer, below, spans=spans, units=unit, positions=positions)


@settings(max_examples=80, **QUIET)
@given(networks(), st.data())
def test_windows_give_what_the_whole_network_gives(drawn: Drawn, data: st.DataObject) -> None:
    """Even where what is given beyond the image is not zero."""
    model, shape = drawn
    network = wrapped(model.double(), shape)
    layer = data.draw(st.sampled_from(list(network.layers.values())))
    x = inputs(shape, data.draw(st.integers(0, 2**31)), 2)
    places = st.tuples(st.integers(0, 1), *(st.integers(0, n - 1) for n in layer.shape))
    at = torch.tensor(data.draw(st.lists(places, min_size=1, max_size=5)))
    wanted = maps(network, x, layer)[at[:, 0], at[:, 1], at[:, 2], at[:, 3]]
    torch.testing.assert_close(by_windows(network, layer, x, at), wanted, rtol=1e-9, atol=1e-11)


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
