"""A network as steps: run by a slow interpreter of its own, it gives what the network gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.data.live import Program, Step
from atlas.images.preprocessing import Preprocessing
from atlas.live.program import FUNCTIONS, NotLive, program_of
from atlas.networks.network import Network, wrap
from tests.support.networks import loaded


def interpreted(program: Program, tensors: list[np.ndarray], image: Tensor) -> list[Tensor]:
    """The values of all steps for one image ``[1, C, H, W]``, by torch's own functions."""
    numbers = [torch.from_numpy(tensor) for tensor in tensors]
    values = [image]
    for step in program.steps:
        values.append(_value(step, [values[i] for i in step.inputs], numbers))
        assert values[-1].shape[1:] == step.shape, step
    return values


def _value(step: Step, inputs: list[Tensor], numbers: list[Tensor]) -> Tensor:
    x = inputs[0]
    if step.kind == "conv":
        assert step.weight is not None and step.bias is not None
        (top, left), (bottom, right) = step.before, step.after
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(
            x, numbers[step.weight], numbers[step.bias], step.stride, 0, step.dilation, step.groups
        )
    if step.kind == "affine":
        assert step.factor is not None and step.bias is not None
        factor, shift = numbers[step.factor], numbers[step.bias]
        return x * factor.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
    if step.kind == "function":
        return getattr(F, step.function)(x, *step.numbers)
    if step.kind == "max":  # with rows and columns beyond the end where the window reaches there
        more = [
            max(0, (size - 1) * s + d * (k - 1) + 1 - p - have)
            for size, s, d, k, p, have in zip(
                step.shape[1:], step.stride, step.dilation, step.kernel, step.before, x.shape[2:],
                strict=True,
            )
        ]  # fmt: skip
        top, left = step.before
        x = F.pad(x, (left, more[1], top, more[0]), value=-torch.inf)
        return F.max_pool2d(x, step.kernel, step.stride, 0, step.dilation)
    if step.kind == "average":
        counts = step.numbers[0]
        return F.avg_pool2d(
            x, step.kernel, step.stride, step.before,
            count_include_pad=counts < 0, divisor_override=int(counts) if counts > 0 else None,
        )  # fmt: skip
    if step.kind == "adaptive":
        return F.adaptive_avg_pool2d(x, step.shape[1:])
    if step.kind == "same":
        return x.reshape(1, *step.shape)
    if step.kind == "scale":
        return x * step.numbers[0]
    if step.kind == "sum":
        return x + inputs[1]
    if step.kind == "gate":
        return x * inputs[1]
    if step.kind == "concat":
        return torch.cat(inputs, 1)
    assert step.kind == "pad"
    (top, left), (_, height, width) = step.before, step.shape
    return F.pad(x, (left, width - left - x.shape[3], top, height - top - x.shape[2]))


def agree(network: Network) -> Program:
    layers = network.choose()
    program, tensors = program_of(network, layers)
    generator = torch.Generator().manual_seed(1)
    image = torch.randn((1, *network.preprocessing.input_shape), generator=generator)
    with torch.inference_mode():
        values = interpreted(program, tensors, image)
    for (layer, maps), one in zip(network.activations(image, layers), program.layers, strict=True):
        assert layer.id == one.id
        found = values[one.value].reshape(maps.shape)
        scale = float(maps.abs().max()) or 1.0
        torch.testing.assert_close(found / scale, maps / scale, rtol=0, atol=2e-5, msg=layer.id)
    return program


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("squeezenet1_1", {"max", "concat"}),
        ("resnet18", {"sum", "adaptive", "same"}),
        ("densenet121", {"affine", "average"}),
        ("mobilenet_v3_small", {"gate"}),
        ("shufflenet_v2_x0_5", None),
    ],
)
@pytest.mark.slow
def test_steps_compute_what_the_network_computes(name: str, kinds: set[str] | None) -> None:
    network = loaded(name, crop=(96, 96))
    if kinds is None:
        with pytest.raises(NotLive, match="it can't compute"):
            program_of(network, network.choose())
        return
    assert kinds <= {step.kind for step in agree(network).steps}


class Odd(nn.Module):
    """Windows of odd sizes, strides and paddings, groups, and scores."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 8, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2))
        self.norm = nn.BatchNorm2d(8)
        self.two = nn.Conv2d(8, 8, 3, padding="same", groups=4, bias=False)
        self.wide = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.three = nn.Conv2d(8, 4, 2)
        self.end = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.norm(self.one(x)), 0.1)
        x = self.wide(F.hardswish(self.two(x)) * 0.5 + x)
        x = F.avg_pool2d(self.three(x).relu(), 2, 1, 1, count_include_pad=False)
        return self.end(x.mean((2, 3)))


def test_odd_windows_and_folded_norms() -> None:
    torch.manual_seed(0)
    model = Odd()
    nn.init.normal_(model.norm.running_mean)
    nn.init.uniform_(model.norm.running_var, 0.5, 2)
    nn.init.normal_(model.norm.weight)
    network = wrap(model.eval(), Preprocessing(None, (19, 22), (0.5,) * 3, (0.25,) * 3))
    program = agree(network)
    kinds = [step.kind for step in program.steps]
    assert "affine" not in kinds and kinds.count("conv") == 4 and program.scores == len(kinds)


class Called(nn.Module):
    """What is given, between two convolutions; ``channels`` come out of it."""

    def __init__(self, then, channels: int) -> None:
        super().__init__()
        self.conv, self.then, self.end = nn.Conv2d(3, 4, 3), then, nn.Conv2d(channels, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.then(self.conv(x)))


def called(then, channels: int) -> Network:
    preprocessing = Preprocessing(None, (16, 16), (0.5,) * 3, (0.5,) * 3)
    return wrap(Called(then, channels).eval(), preprocessing)


@pytest.mark.parametrize(
    ("then", "channels"),
    [
        (lambda x: F.gelu(x), 4),
        (lambda x: F.pixel_shuffle(x, 2), 1),
        (lambda x: x + x.mean((2, 3), keepdim=True), 4),
        (lambda x: F.interpolate(x, scale_factor=2), 4),
        (lambda x: torch.cat([x, x], 2), 4),
        (nn.GroupNorm(2, 4), 4),
        (lambda x: x.unflatten(1, (2, 2)).relu().flatten(1, 2), 4),
        (lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True), 4),
        (lambda x: F.conv2d(x, torch.ones(4, 4, 1, 1)) * x, 4),
        (lambda x: x / x.mean((2, 3), keepdim=True), 4),
        (lambda x: F.conv2d(x, torch.ones(1, 4, 1, 1)).sigmoid() * x, 4),
        (lambda x: F.pad(x, (1, 1, 1, 1), value=1.0), 4),
    ],
)
def test_what_the_page_cannot_compute_is_refused_by_name(then, channels: int) -> None:
    network = called(then, channels)
    with pytest.raises(NotLive, match=r"it can't compute \w+"):
        program_of(network, network.choose())


def test_what_comes_after_the_layers_need_not_be_computed() -> None:
    network = called(lambda x: F.pad(x, (1, 1, 1, 1), value=1.0), 4)
    program, _ = program_of(network, network.choose()[:1])
    assert [step.kind for step in program.steps] == ["conv"] and program.scores is None


def test_scores_from_a_linear_layer_along_columns_are_refused() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(14, 14), nn.Flatten(), nn.Linear(784, 5))
    network = wrap(model.eval(), Preprocessing(None, (16, 16), (0.5,) * 3, (0.5,) * 3))
    with pytest.raises(NotLive, match=r"linear in module 1.* along one of several dimensions"):
        program_of(network, network.choose())


def test_zeros_around_maps_and_gates_of_their_size() -> None:
    program = agree(called(lambda x: F.pad(x, (1, 2, 0, 3)).sigmoid() * F.pad(x, (1, 2, 0, 3)), 4))
    assert [step.kind for step in program.steps][1:] == ["pad", "function", "pad", "gate", "conv"]


def test_every_function_is_one_of_torch() -> None:
    assert all(hasattr(F, name) for name in FUNCTIONS)
