"""What each unit below adds, against the network itself with that unit's channels cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.networks.connections import connections
from atlas.networks.contributions import (
    Parts,
    Where,
    Wiring,
    find_wirings,
    weight_shares,
)
from atlas.networks.network import Network
from tests.support.parts import taken_apart
from tests.support.random_networks import inputs, wrapped

SHAPE = (3, 13, 14)


def of_unit(wiring: Wiring, where: Where, parts: Parts, layer: str, unit: int) -> np.ndarray:
    """What a unit adds to each of the activations."""
    slots = range(wiring.sources.shape[1])
    return np.array(
        [
            sum(row[slot] for slot in slots if wiring.source(one, slot) == (layer, unit))
            for one, row in zip(where.unit.tolist(), parts.units, strict=True)
        ]
    )


class Cut(nn.Module):
    """Passes its input on, but for the channels that are cut."""

    def __init__(self) -> None:
        super().__init__()
        self.channels: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        kept = torch.ones(x.shape[1], dtype=x.dtype)
        kept[self.channels] = 0
        return x * kept.view(-1, *[1] * (x.dim() - 2))


class Mixed(nn.Module):
    """A chain with pooling and norms, a sum, groups, each channel by itself, a concatenation.

    Before each operation that is looked at stands a cut, and ``before`` are the pre-activations.
    """

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm1 = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.two, self.norm2 = nn.Conv2d(6, 6, 3, 2, padding=1, bias=False), nn.BatchNorm2d(6)
        self.grouped, self.norm3 = nn.Conv2d(6, 4, 3, padding=2, dilation=2, groups=2), None
        self.single = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.back = nn.Conv2d(4, 4, 1)
        self.norm4 = nn.GroupNorm(2, 4)
        self.last = nn.Linear(8 * 4, 5)
        names = ("two", "grouped", "single", "skip", "body", "left", "right", "last")
        self.cuts = nn.ModuleDict({f"cut_{name}": Cut() for name in names})
        self.before: dict[str, Tensor] = {}

    def cut(self, name: str, x: Tensor) -> Tensor:
        return self.cuts[f"cut_{name}"](x)

    def forward(self, x: Tensor) -> Tensor:
        before = {}
        one = F.relu(self.norm1(self.one(x)))
        before["two"] = self.norm2(self.two(self.cut("two", F.max_pool2d(one, 3, 2))))
        two = F.relu(before["two"])
        before["grouped"] = self.grouped(self.cut("grouped", two))
        grouped = F.relu(before["grouped"])
        before["single"] = self.single(self.cut("single", grouped))
        single = F.gelu(before["single"])
        body = self.norm4(self.back(single))
        before["add"] = self.cut("skip", grouped) + self.cut("body", body)
        add = F.relu(before["add"])
        before["cat"] = torch.cat([self.cut("left", add), self.cut("right", single)], 1)
        pooled = F.adaptive_avg_pool2d(before["cat"], 2)
        held = pooled * torch.sigmoid(pooled.mean((2, 3), keepdim=True))  # a gate
        before["last"] = self.last(self.cut("last", held).flatten(1))
        self.before = before
        return before["last"]


# a layer, a layer below it, and the cut between the two
CASES = [
    ("two", "one", "two"), ("grouped", "two", "grouped"), ("single", "grouped", "single"),
    ("add", "grouped", "skip"), ("add", "back", "body"), ("cat", "add", "left"),
    ("cat", "single", "right"), ("last", "cat", "last"),
]  # fmt: skip


@pytest.fixture(scope="module")
def mixed() -> Network:
    torch.manual_seed(0)
    module = Mixed()
    with torch.no_grad():
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_(0, 0.3)
                norm.running_var.uniform_(0.5, 2)
                norm.weight.normal_(0, 1)
                norm.bias.normal_(0, 0.3)
    return wrapped(module.double().eval(), SHAPE)


@pytest.mark.parametrize(("layer", "below", "cut"), CASES)
def test_a_contribution_is_the_difference_when_the_path_is_cut(
    mixed: Network, layer: str, below: str, cut: str
) -> None:
    x = inputs(SHAPE, 1, 2)
    wiring, where, parts = taken_apart(mixed, x)[layer]
    module = mixed.module
    assert isinstance(module, Mixed)
    gate = module.cuts[f"cut_{cut}"]

    def before() -> np.ndarray:
        with torch.no_grad():
            module(x)
        value = module.before[layer]
        value = value[..., None, None] if value.dim() == 2 else value
        return value[where.stimulus, where.unit, where.position[:, 0], where.position[:, 1]].numpy()

    whole = before()
    np.testing.assert_allclose(parts.whole, whole, rtol=1e-9)
    most = 0.0
    for unit in range(mixed.layers[below].units):
        gate.channels = [unit]
        found = of_unit(wiring, where, parts, below, unit)
        np.testing.assert_allclose(found, whole - before(), rtol=1e-6, atol=1e-12)
        gate.channels = []
        most = max(most, np.abs(found).max())
    assert most > 0


def test_what_comes_from_the_image_is_the_rest(mixed: Network) -> None:
    wiring, _, parts = taken_apart(mixed, inputs(SHAPE, 1))["one"]
    assert wiring.sources.shape[1] == 0
    np.testing.assert_allclose(parts.rest + parts.bias, parts.whole, rtol=1e-9)


def test_shares_by_weights_are_those_of_the_connections(mixed: Network) -> None:
    graph = mixed.graph
    wirings = find_wirings(graph, mixed.layers, mixed.layers)
    for name, own in connections(graph, mixed.layers).items():
        for unit, links in enumerate(own.below):
            wiring, shares = wirings[name], weight_shares(graph, wirings[name], unit)
            by_source = {
                wiring.source(unit, slot): None if shares is None else round(shares[slot], 4)
                for slot in range(wiring.sources.shape[1])
            }
            for link in links:
                assert by_source[link.layer, link.unit] == link.share
