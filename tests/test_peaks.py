"""Maxima of maps that are pooled next, against those of the maps themselves."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import atlas
from atlas.network import wrap
from atlas.peaks import _covers, peaks, peaks_of
from atlas.preprocessing import Preprocessing


def network_of(pooling: nn.Module, size: tuple[int, int], seed: int) -> atlas.Network:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), pooling, nn.Conv2d(5, 4, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randint(-2, 3, parameter.shape))  # so that many values are equal
    return wrap(model.eval(), Preprocessing(None, size, (0.0,) * 3, (1.0,) * 3))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), st.booleans(),
    st.tuples(st.integers(5, 12), st.integers(5, 12)), st.integers(0, 999),
)  # fmt: skip
def test_pooled_maps_have_the_same_peaks(
    kernel: int, stride: int, padding: int, ceil: bool, size: tuple[int, int], seed: int
) -> None:
    pooling = nn.MaxPool2d(kernel, stride, min(padding, kernel // 2), ceil_mode=ceil)
    network = network_of(pooling, size, seed)
    inputs = torch.randint(0, 3, (3, 3, *size)).float()
    if seed % 7 == 0:
        inputs[1] = torch.nan
    inputs = inputs.to(memory_format=torch.channels_last)
    layers = list(network.layers.values())
    found = {layer.id: (v, p) for layer, v, p in peaks_of(network, inputs, layers)}
    for layer, maps in network.activations(inputs, layers):
        value, place = peaks(maps)
        torch.testing.assert_close(found[layer.id][0], value, rtol=0, atol=0, equal_nan=True)
        held = ~value.isnan()
        assert torch.equal(found[layer.id][1][held], place[held])


@pytest.mark.parametrize(
    ("pooling", "covered"),
    [
        (nn.MaxPool2d(3, 2), True),  # 55 to 27
        (nn.MaxPool2d(2, 2), False),  # the last row and column are left out
        (nn.MaxPool2d(2, 2, ceil_mode=True), True),
        (nn.MaxPool2d(2, 3), False),
        (nn.MaxPool2d(3, 2, dilation=2), False),
    ],
)
def test_pooled_maps_serve_only_where_every_position_was_looked_at(
    pooling: nn.MaxPool2d, covered: bool
) -> None:
    windows = pooling(torch.zeros(1, 1, 55, 55)).shape[2:]
    assert _covers(pooling, (55, 55), tuple(windows)) == covered
