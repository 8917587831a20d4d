"""Receptive fields with gates held: what reaches an activation while every gate stays as it is."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import atlas
from atlas.data.geometry import Box
from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer, find_layers
from atlas.networks.network import Network
from tests.support.random_networks import wrapped
from tests.support.smaller import smaller

TWO_FIRST = (2, 1, 1, 1)  # blocks of each stage


def gates_of(graph: Graph) -> list[ops.Node]:
    products = [o for o in graph.operations.values() if isinstance(o, ops.Product)]
    return [product.gate for product in products if product.gate is not None]


def with_gates_held(graph: Graph, x: Tensor, layer: Layer) -> Callable[[Tensor], Tensor]:
    """A layer's feature maps as a function of the input, with the gates' values for ``x``.

    A group norm then is the affine function that it is at ``x``.
    """
    gates = set(gates_of(graph))
    instead: dict[ops.Node, Callable[[dict[ops.Node, Any]], Any]] = {}
    with torch.no_grad():
        for node, values in graph.run(x):
            operation = graph.operations.get(node)
            if node in gates:
                instead[node] = lambda _, value=values[node]: value
            elif isinstance(operation, ops.GroupNorm):
                (below,) = operation.inputs
                instead[node] = affine(operation, values[below], values[node])

    def maps(inputs: Tensor) -> Tensor:
        with torch.no_grad():
            for node, values in graph.run(inputs, until=layer.node, instead=instead):
                if node is layer.node:
                    return layer.maps(values[node])
        raise AssertionError

    return maps


def affine(norm: ops.GroupNorm, x: Tensor, y: Tensor) -> Callable[[dict[ops.Node, Any]], Any]:
    """A group norm with mean and variance fixed at those of ``x``, which it turns into ``y``."""
    parts = [part.var(correction=0) for part in x[0].chunk(norm.groups)]
    factor = torch.stack(parts).add(norm.epsilon).rsqrt()
    factor = factor.repeat_interleave(len(x[0]) // norm.groups)
    scale = factor if norm.weight is None else factor * norm.weight
    (below,) = norm.inputs
    return lambda values: y + (values[below] - x) * scale[:, None, None]


def check(network: Network, names: list[str], seed: int = 0) -> None:
    """Both invariants of the field with gates held, in the middle and in a corner of each layer."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, *network.graph.input_shape, generator=generator, dtype=torch.float64)
    for name in names:
        layer = network.layer(name)
        maps = with_gates_held(network.graph, x, layer)
        before = maps(x)
        for place in ((layer.shape[1] // 2, layer.shape[2] // 2), (0, layer.shape[2] - 1)):
            box = layer.held.true_box(*place)
            outside = torch.ones(x.shape[2:], dtype=torch.bool)
            outside[box.top : box.bottom, box.left : box.right] = False
            noise = torch.randn(x.shape, generator=generator, dtype=torch.float64) * 3
            after = maps(torch.where(outside, noise, x))
            assert torch.equal(before[0, :, *place], after[0, :, *place]), name
            inside = maps(torch.where(outside, x, noise))
            assert not torch.equal(before[0, :, *place], inside[0, :, *place]), name
            unit = int(before[0, :, *place].abs().argmax())
            found = atlas.reconstruct(network, x[0], name, unit, place, "gradient")
            assert found.abs().sum() > 0 or before[0, unit, *place] == 0
            assert found[:, outside].abs().sum() == 0, name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layers", "options"),
    [
        ("mobilenet_v3_small", ["features.1.block.2.0", "features.3"], {}),
        ("efficientnet_b0", ["features.1.0.block.2.0", "features.2.1"], {}),
        ("regnet_y_400mf", ["trunk_output.block1.block1-0", "trunk_output.block2.block2-0"], {}),
        ("timm:convnextv2_atto", ["stages.0.blocks.0", "stages.0.blocks.1"],
         {"depths": TWO_FIRST, "dims": (40, 80, 80, 80)}),
        ("timm:legacy_seresnet18", ["layer1.0", "layer1.1"], {"layers": TWO_FIRST}),
        ("timm:ecaresnet26t", ["layer1.0", "layer1.1"], {"layers": TWO_FIRST}),
        ("timm:skresnet18", ["layer1.0", "layer1.1"], {"layers": TWO_FIRST}),
    ],
)  # fmt: skip
def test_gates_held_nothing_outside_matters(
    name: str, layers: list[str], options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    if name.startswith("timm:"):
        make = pytest.importorskip("timm").create_model
        model = make(name.removeprefix("timm:"), num_classes=20, **options)
    else:
        model = smaller(name)
    network = wrapped(stirred(model.double().eval()), (3, 64, 80))
    for layer in layers:
        found = network.layer(layer)
        assert found.field.size == network.graph.input_shape[1:]  # gates look at all of it
        assert found.held.size < found.field.size
    check(network, layers)


def stirred(model: nn.Module) -> nn.Module:
    """Make every parameter count, those too that begin at zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.parameters():
            if value.dim() == 1 or value.abs().max() < 1e-3:
                value += 0.3 * torch.randn(value.shape, generator=generator, dtype=value.dtype)
    return model


class Held(nn.Module):
    """A gate over a gate, and one that comes from a bounded nonlinearity at every position."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.squeeze, self.look = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 1, 7, padding=3)
        self.last = nn.Conv2d(4, 2, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.one(x))
        y = y * torch.sigmoid(self.squeeze(F.adaptive_avg_pool2d(y, 1)))
        y = self.two(y)
        y = y * self.look(y).sigmoid()
        return self.last(y * y.mean((2, 3), keepdim=True))


def test_gates_of_any_kind() -> None:
    torch.manual_seed(0)
    network = wrapped(Held().double().eval(), (3, 40, 44))
    assert len(gates_of(network.graph)) == 3
    assert network.layer("last").held.size == (7, 7)
    assert network.layer("last").field.size == (40, 44)
    check(network, ["one", "two", "last"])


class Normalised(nn.Module):
    """Norms of whole maps between the layers, and a gate over a single map."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm, self.two = nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Conv2d(4, 5, 3)
        self.last = nn.Sequential(nn.GroupNorm(1, 4, affine=False), nn.Conv2d(4, 2, 3, 2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.two(F.relu(self.norm(self.one(x))))
        y, look = y.split((4, 1), 1)
        return self.last(y + y.mean((2, 3), keepdim=True) * look)


def test_a_group_norm_looks_at_whole_maps_only_to_scale_them() -> None:
    torch.manual_seed(0)
    network = wrapped(stirred(Normalised().double().eval()), (3, 40, 44))
    assert list(network.layers) == ["one", "two", "add", "last.1"]
    assert [layer.held.size[0] for layer in network.layers.values()] == [3, 5, 5, 7]
    assert all(layer.field.size == (40, 44) for layer in network.layers.values())
    check(network, ["one", "two", "last.1"])


class Divided(nn.Module):
    """Response normalisation: maps over their spread, of each group of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.one(x)
        spread = (
            y.reshape(y.shape[0], 2, 2, *y.shape[2:]).var((2, 3, 4), keepdim=True).add(1).sqrt()
        )
        return self.two(y / spread.expand(-1, -1, 2, *y.shape[2:]).reshape(y.shape))


def test_a_spread_that_divides_maps_is_held() -> None:
    torch.manual_seed(0)
    network = wrapped(Divided().double().eval(), (3, 20, 24))
    assert network.layer("two").held.size == (5, 5)
    assert network.layer("two").field.size == (20, 24)
    check(network, ["one", "two"])


class Squeezed(nn.Module):
    """Channel attention over a mean that keeps its dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.squeeze = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.one(x)
        return y * self.squeeze(y.mean((2, 3), keepdim=True)).sigmoid()


def test_what_channel_attention_is_made_of_are_layers() -> None:
    torch.manual_seed(0)
    network = wrapped(Squeezed().double().eval(), (3, 20, 24))
    assert list(network.layers) == ["one", "squeeze"]
    assert network.layer("squeeze").shape == (4, 1, 1)
    assert network.layer("squeeze").field.true_box(0, 0) == Box(0, 0, 20, 24)
    check(network, ["one"])
    x = torch.rand(3, 20, 24, dtype=torch.float64)
    assert atlas.reconstruct(network, x, "squeeze", 1, (0, 0), "gradient").abs().sum() > 0


def test_without_gates_both_fields_are_one() -> None:
    torch.manual_seed(0)
    graph = Graph(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)).eval(), (3, 9, 9))
    assert all(fields.held is fields.true for fields in graph.fields.values())
    assert all(layer.held == layer.field for layer in find_layers(graph).values())


def test_space_that_moves_to_channels_and_back_is_followed() -> None:
    class Moved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(12, 8, 3, padding=1), nn.Conv2d(2, 3, 3)

        def forward(self, x: Tensor) -> Tensor:
            count, channels, height, width = x.shape
            x = x.view(count, channels, height // 2, 2, width // 2, 2)
            x = x.permute(0, 3, 5, 1, 2, 4).contiguous()
            x = self.first(x.view(count, channels * 4, height // 2, width // 2))
            return self.last(F.pixel_shuffle(x, 2))

    torch.manual_seed(0)
    network = wrapped(Moved().double().eval(), (3, 24, 28))
    assert network.layer("first").field.size == (6, 6)
    assert network.layer("first").field.stride == (2, 2)
    last = network.layer("last")
    assert last.field.true_box(4, 6).as_tuple() == (2, 4, 10, 12)
    check(network, ["first", "last"])
