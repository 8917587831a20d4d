"""Backward steps against autograd: of one operation between two convolutions, by the gradient."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import atlas
from atlas.evidence.partial_forward import cone
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import wrap
from tests.networks.test_operators import Model
from tests.support.by_windows import by_windows
from tests.support.random_networks import maps

ROWS = torch.rand(12, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def network(step) -> atlas.Network:
    """A network whose second convolution reads what a step makes of maps ``[N, 4, 12, 10]``."""
    torch.manual_seed(0)
    channels = step(torch.zeros(2, 4, 12, 10, dtype=torch.float64)).shape[1]
    model = nn.Sequential(Model(step), nn.Conv2d(channels, 3, 3))
    return wrap(model.double().eval(), Preprocessing(None, (12, 10), (0.5,) * 3, (0.5,) * 3))


@pytest.mark.parametrize(
    "step",
    [
        lambda x: x + x.mean(1, keepdim=True),
        lambda x: x + x.mean((2, 3), keepdim=True),
        lambda x: x * ROWS,
        lambda x: x.mean((2, 3), keepdim=True) * ROWS.expand(12, 10),
        lambda x: x.flip(2) * x,
        lambda x: torch.cat([x, x.flip(2)], 2),
        lambda x: torch.cat([x, x.flip(3), x], 1),
        lambda x: x * (x > 0),
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    ],
)
def test_a_step_is_what_autograd_finds(step) -> None:
    one = network(step)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 12, 10, generator=generator, dtype=torch.float64, requires_grad=True)
    found = one.module(x[None])[0]
    for place in ((0, 0), (found.shape[1] - 1, 2)):
        value = found[1][place]
        (gradient,) = torch.autograd.grad(value, x, retain_graph=True)
        drawn = atlas.reconstruct(one, x.detach(), "1", 1, place, "gradient")
        torch.testing.assert_close(drawn, gradient * value.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("step", "by_parts"),
    [
        (lambda x: F.pad(x, (1, 2, 0, 1), value=0.5), True),
        (lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), True),
        (lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), True),
        (lambda x: torch.cat([x, x.relu()], 1), True),
        (lambda x: x * x.mean((2, 3), keepdim=True), False),
        (lambda x: torch.cat([x, x.relu()], 2), False),
        (lambda x: x.unflatten(1, (2, 2)).relu().flatten(1, 2), False),
    ],
)
def test_activations_follow_from_windows_of_the_image(step, by_parts: bool) -> None:
    """Forwards, as evidence goes; where a step isn't local, from all of what it reads."""
    one = network(step)
    layer = one.layers["1"]
    x = torch.randn(2, 3, 12, 10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shape = (2, *layer.shape)
    at = torch.stack([torch.arange(8) * 5 % size for size in shape], 1)
    wanted = maps(one, x, layer)[at[:, 0], at[:, 1], at[:, 2], at[:, 3]]
    torch.testing.assert_close(by_windows(one, layer, x, at), wanted, rtol=1e-9, atol=1e-12)
    spans = cone(one.graph, layer, at[:, 2:])
    assert (None not in spans.values()) == by_parts
