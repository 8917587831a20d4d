"""Operators of torch, and the kinds of operations they are recognised as."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.operations import Operation


class Model(nn.Module):
    """A model of one step after a convolution, so that the step is no layer's beginning."""

    def __init__(self, step) -> None:
        super().__init__()
        self.conv, self.step = nn.Conv2d(3, 4, 3, padding=1), step

    def forward(self, x: Tensor) -> Tensor:
        return self.step(self.conv(x))


def made_by(step) -> Operation:
    """The last operation of a network that ends with a step on maps ``[N, 4, 12, 10]``."""
    torch.manual_seed(0)
    graph = Graph(Model(step).eval(), (3, 12, 10))
    return list(graph.operations.values())[-1]


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (nn.Conv2d(4, 2, 3), ops.Convolution),
        (lambda x: F.conv2d(x, torch.ones(2, 4, 3, 3)), ops.Convolution),
        (nn.BatchNorm2d(4), ops.BatchNorm),
        (nn.MaxPool2d(2), ops.MaxPooling),
        (lambda x: F.max_pool2d(x, 2, return_indices=True)[0], ops.MaxPooling),
        (nn.AdaptiveMaxPool2d(3), ops.AdaptiveMaxPooling),
        (nn.AvgPool2d(2), ops.AveragePooling),
        (nn.AdaptiveAvgPool2d(3), ops.AdaptiveAveragePooling),
        (nn.ReLU(inplace=True), ops.Nonlinearity),
        (lambda x: x.relu_(), ops.Nonlinearity),
        (lambda x: x.clamp(min=0, max=6), ops.Nonlinearity),
        (nn.PReLU(4), ops.Nonlinearity),
        (nn.Dropout2d(), ops.Identity),
        (lambda x: x + 1, ops.Sum),
        (lambda x: x + x.flip(2), ops.Sum),
        (lambda x: x - torch.ones(4, 1, 1), ops.Sum),
        (lambda x: 1 - x, ops.Derived),
        (lambda x: x + x, ops.Derived),
        (lambda x: torch.add(x, x.flip(2), alpha=2), ops.Derived),
        (lambda x: x * 2, ops.Product),
        (lambda x: x / torch.full((4, 1, 1), 2.0), ops.Product),
        (lambda x: x * x.mean((2, 3), keepdim=True), ops.Product),
        (lambda x: x * x, ops.Derived),
        (lambda x: x / (x.std((2, 3), keepdim=True) + 1), ops.Quotient),
        (lambda x: x / x, ops.Derived),
        (lambda x: x.float(), ops.Identity),
        (lambda x: x.double(), ops.Derived),
        (lambda x: torch.cat([x, x.flip(2)], 1), ops.Concatenation),
        (lambda x: x.chunk(2, 1)[1], ops.Rearrangement),
        (lambda x: F.pixel_shuffle(x, 2), ops.Rearrangement),
        (nn.ZeroPad2d((0, 1, 2, 3)), ops.Padding),
        (nn.ReflectionPad2d(1), ops.Rearrangement),
        (lambda x: x.mean((2, 3)), ops.Resampling),
        (nn.Upsample(scale_factor=2, mode="bilinear"), ops.Resampling),
        (lambda x: x.flatten(2) @ x.flatten(2).mT, ops.Mixing),
        (nn.GroupNorm(2, 4), ops.GroupNorm),
        (lambda x: F.pad(x, (1, 0, 0, 0, 1, 1)), ops.Resampling),
        (lambda x: F.pad(x.flatten(2), (1, 1)), ops.Resampling),
        # whatever doesn't fit the kind of its name
        (lambda x: F.conv2d(x, x.mean(0, keepdim=True)[:, :, :3, :3]), ops.Derived),
        (lambda x: F.linear(x, x.mean((0, 1))), ops.Derived),
        (lambda x: F.batch_norm(x, None, None, training=True), ops.Derived),
        (lambda x: F.group_norm(x.flatten(2), 2), ops.Derived),
        (lambda x: F.max_pool2d(x, 2, return_indices=True)[1], ops.Derived),
        (lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True)[1], ops.Derived),
        (lambda x: x - x.flip(2), ops.Derived),
        (lambda x: torch.div(x, 2, rounding_mode="floor"), ops.Derived),
        (lambda x: 1 / x, ops.Product),  # of the reciprocal
        (lambda x: torch.cat([x.mean((0, 2, 3)), torch.ones(3)]), ops.Derived),
        (lambda x: x.clamp(min=x.mean((2, 3), keepdim=True)), ops.Derived),
        (lambda x: x.type_as(x.flip(2)), ops.Derived),
    ],
)  # fmt: skip
def test_operators_are_read_as_what_they_do(step, kind: type[Operation]) -> None:
    assert type(made_by(step)) is kind


@pytest.mark.parametrize(
    ("step", "window", "after"),
    [
        (nn.Conv2d(4, 2, (3, 5), (1, 2), (1, 2)), ops.Sliding((3, 5), (1, 2), (1, 2)), (1, 2)),
        (nn.Conv2d(4, 2, 4, padding="same"), ops.Sliding((4, 4), (1, 1), (1, 1)), (2, 2)),
        (nn.Conv2d(4, 2, 3, padding="same", dilation=2),
         ops.Sliding((3, 3), (1, 1), (2, 2), (2, 2)), (2, 2)),
        (nn.Conv2d(4, 2, 3, padding="valid"), ops.Sliding((3, 3), (1, 1), (0, 0)), (0, 0)),
    ],
)  # fmt: skip
def test_windows_are_pairs(step: nn.Module, window: ops.Sliding, after: tuple[int, int]) -> None:
    operation = made_by(step)
    assert isinstance(operation, ops.Convolution)
    assert (operation.window, operation.after) == (window, after)


def test_filters_that_are_computed_from_weights_are_filters() -> None:
    """As those of networks without normalisation, which standardise their filters."""

    class Standardised(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            weight = (self.weight - self.weight.mean((1, 2, 3), keepdim=True)) * 3
            return F.conv2d(x, weight)

    operation = made_by(Standardised(4, 2, 3))
    assert isinstance(operation, ops.Convolution)
    assert operation.path == "step" and abs(float(operation.weight.mean())) < 1e-6


def test_attention_in_a_mode_of_its_own_mixes_positions() -> None:
    def attention(x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return x.flatten(2) @ x.flatten(2).mT

    def pooled(x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return F.avg_pool2d(x, 2)

    assert isinstance(made_by(attention), ops.Mixing)
    assert not isinstance(made_by(pooled), ops.Mixing)


def test_a_divisor_that_was_repeated_is_a_gate() -> None:
    def by_group(x: Tensor) -> Tensor:
        spread = x.reshape(x.shape[0], 2, -1).var(2).add(1).sqrt()[:, :, None, None, None]
        return x / spread.expand(-1, -1, 2, *x.shape[2:]).reshape(x.shape)

    divided = made_by(by_group)
    assert isinstance(divided, ops.Quotient) and divided.gate is divided.inputs[1]
    for step in (lambda x: x.mean((2, 3), keepdim=True) / x.exp(), lambda x: x / x.exp()):
        divided = made_by(step)
        assert isinstance(divided, ops.Quotient) and divided.gate is None


def test_a_gate_has_fewer_positions_or_bounds() -> None:
    for step in (
        lambda x: x * x.mean((2, 3), keepdim=True),
        lambda x: x.sigmoid() * x,
        lambda x: x.mean(1, keepdim=True).sigmoid() * x,
    ):
        operation = made_by(step)
        assert isinstance(operation, ops.Product) and operation.gate is not None
        assert operation.gate is not operation.inputs[-1] or operation.inputs[0].name == "conv2d"
    plain = made_by(lambda x: x.flip(2) * x)
    assert isinstance(plain, ops.Product) and plain.gate is None
