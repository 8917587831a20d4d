import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import atlas
from atlas.images.preprocessing import Preprocessing
from atlas.networks.connections import STRONGEST, Connection, connections, parents
from atlas.networks.graph import Graph
from atlas.networks.layers import find_layers
from atlas.networks.network import wrap
from tests.support.random_networks import Shuffled


def of(module: nn.Module, side: int = 16):
    torch.manual_seed(0)
    network = wrap(module.eval(), Preprocessing(None, (side, side), (0.5,) * 3, (0.5,) * 3))
    return network, connections(network.graph, network.layers)


def strongest_of_either_sign(shares: np.ndarray, signs: np.ndarray) -> list[int]:
    """The units of ``shares`` that are among the strongest with their own sign, by strength."""
    ordered = np.argsort(-shares, kind="stable")
    kept = {unit for sign in (-1, 1) for unit in ordered[signs[ordered] == sign][:STRONGEST]}
    return [int(unit) for unit in ordered if unit in kept]


def test_shares_are_those_of_the_squared_weights() -> None:
    network = atlas.load_network("demo")
    found = connections(network.graph, network.layers)
    weight = dict(network.module.named_modules())[network.layers["conv2"].module].weight
    squares = weight.detach().double().square().sum((2, 3)).numpy()
    shares = squares / squares.sum(1, keepdims=True)
    signs = np.sign(weight.detach().sum((2, 3)).numpy())
    for unit in (0, 17, 79):
        expected = strongest_of_either_sign(shares[unit], signs[unit])
        below = found["conv2"].below[unit]
        assert [c.unit for c in below] == expected
        for c in below:
            assert c.layer == "conv1"
            assert c.share == pytest.approx(signs[unit, c.unit] * shares[unit, c.unit], abs=1e-4)
    above = found["conv1"].above[3]
    expected = strongest_of_either_sign(shares[:, 3], signs[:, 3])
    assert {np.sign(c.share) for c in above} == {-1, 1}
    assert [(c.layer, c.unit) for c in above] == [("conv2", unit) for unit in expected]


class Planted(nn.Module):
    """Everything that stands between filters: norm, pooling, shuffling, halves, flattening."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.shuffle = Shuffled()
        self.two = nn.Conv2d(2, 4, 1, bias=False)
        self.three = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.last = nn.Linear(8 * 16, 2)

    def forward(self, x):
        one = F.relu(self.norm(self.one(x)))
        shuffled = self.shuffle(F.max_pool2d(one, 2))
        two = F.relu(self.two(shuffled.chunk(2, 1)[1]))
        three = F.relu(self.three(two))
        whole = torch.cat([three, two + three], 1)
        return self.last(torch.flatten(F.adaptive_avg_pool2d(whole, 4), 1))


def test_channels_are_followed_through_what_does_not_mix_them() -> None:
    module = Planted()
    with torch.no_grad():
        module.two.weight[:] = 0
        module.two.weight[0, 0], module.two.weight[0, 1] = 3.0, -4.0
        module.norm.weight[:] = torch.tensor([1.0, -1.0, 1.0, 1.0])
        module.last.weight[:] = 0
        module.last.weight[0, 16 * 5 : 16 * 6] = -1.0
    network, found = of(module)
    # a shuffle of two groups makes 0, 2, 1, 3, whose second half is 1, 3
    assert found["two"].below[0] == [Connection("one", 3, -0.64), Connection("one", 1, 0.36)]
    assert found["two"].below[1] == []
    assert {c.unit for c in found["three"].below[3]} == {2, 3}  # its own group
    assert found["cat"].below[1] == [Connection("three", 1, None)]
    assert found["cat"].below[5] == [Connection("add", 1, None)]
    assert found["add"].below[2] == [Connection("two", 2, None), Connection("three", 2, None)]
    assert found["last"].below[0] == [Connection("cat", 5, -1.0)]
    assert found["cat"].above[5] == [Connection("last", 0, -1.0)]
    few = connections(network.graph, network.layers, ["three", "last"])
    assert list(few) == ["three", "last"] and few["three"].below[0] == []


def test_a_batch_norm_that_turns_the_sign_turns_it_here() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.ReLU())
    with torch.no_grad():
        module[1].weight[:] = torch.tensor([[1.0, 0.0], [1.0, 0.0]])[..., None, None]
        module[2].weight[:] = torch.tensor([1.0, -1.0])
    _, found = of(module)
    assert found["conv2"].below == [[Connection("conv1", 0, 1.0)], [Connection("conv1", 0, -1.0)]]


def test_parents_are_the_nearest_layers() -> None:
    network, _ = of(Planted())
    assert parents(network.graph, network.layers.values()) == {
        "one": [""], "two": ["one"], "three": ["two"], "add": ["two", "three"],
        "cat": ["three", "add"], "last": ["cat"],
    }  # fmt: skip


class Turned(nn.Module):
    """Images that are moved along a dimension of others, as blocks of maps are for attention."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.two(self.one(x))
        return y.transpose(0, 1).reshape(5, y.shape[0] * y.shape[2], y.shape[3])


def test_above_images_that_are_moved_nothing_is_connected() -> None:
    graph = Graph(Turned().eval(), (3, 8, 8))
    found = connections(graph, find_layers(graph))
    assert [link.layer for link in found["two"].below[0]] == ["one"] * 4
