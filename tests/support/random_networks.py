"""Random small networks for property tests: any mixture of what networks are made of."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import HealthCheck
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.images.preprocessing import Preprocessing
from atlas.networks.layers import Layer
from atlas.networks.network import Network, wrap
from atlas.reconstruction.recording import record

# settings of hypothesis: drawing a network takes long, and not every draw runs
QUIET = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}
Drawn = tuple[nn.Module, tuple[int, int, int]]  # a network, and the shape of its input

NONLINEARITIES = (
    nn.ReLU, nn.ReLU, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.Hardswish, nn.ELU, nn.Tanh, nn.ReLU6,
)  # fmt: skip


class Residual(nn.Module):
    """A sum with a skip connection, rectified or not, in place or not."""

    def __init__(self, body: nn.Module, style: str) -> None:
        super().__init__()
        self.body, self.style = body, style

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if self.style == "in place":
            y += x
            return F.relu(y, inplace=True)
        return torch.relu(y + x) if self.style == "rectified" else x + y


class Joined(nn.Module):
    """Branches, concatenated."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class Gated(nn.Module):
    """Channel attention, by mean or by pooling."""

    def __init__(self, channels: int, pooled: bool) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels, 1)
        self.pooled = pooled

    def forward(self, x: Tensor) -> Tensor:
        y = F.adaptive_avg_pool2d(x, 1) if self.pooled else x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.squeeze(y))


class Shuffled(nn.Module):
    """Channels shuffled between two groups, as ShuffleNet does, with sizes taken at run time."""

    def forward(self, x: Tensor) -> Tensor:
        count, channels, height, width = x.size()
        x = x.view(count, 2, channels // 2, height, width)
        return torch.transpose(x, 1, 2).contiguous().view(count, -1, height, width)


class Halved(nn.Module):
    """One half of the channels filtered, the other passed on."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        one, other = x.chunk(2, dim=1)
        return torch.cat((one, self.body(other)), dim=1)


class Padded(nn.Module):
    """Asymmetric padding."""

    def __init__(self, sides: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.sides)


class Normed(nn.Module):
    """Layer norm over the channels of each position, channels last."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.linear = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.linear(self.norm(x.permute(0, 2, 3, 1)))).permute(0, 3, 1, 2)


@st.composite
def convolutions(draw: Any, channels: int, out: int, size_kept: bool = False) -> nn.Module:
    kernel = draw(st.sampled_from([1, 3, 3, 5] if size_kept else [1, 2, 3, 3, 5]))
    dilation = draw(st.sampled_from([1, 1, 1, 2]))
    same = dilation * (kernel - 1) // 2
    common = next(g for g in (4, 2, 1) if channels % g == 0 and out % g == 0)
    groups = draw(st.sampled_from([1, 1, common]))
    if size_kept:
        padding: Any = draw(st.sampled_from([same, "same"]))
        stride: Any = 1
    else:
        padding = draw(st.sampled_from([0, same, (0, same), "valid"]))
        stride = draw(st.sampled_from([1, 1, 2, (2, 1), 3])) if padding != "valid" else 1
    return nn.Conv2d(
        channels, out, kernel, stride, padding, dilation, groups, bias=draw(st.booleans())
    )


@st.composite
def units(draw: Any, channels: int, out: int, size_kept: bool = False) -> nn.Module:
    """A convolution, perhaps normalised, perhaps followed by a nonlinearity."""
    steps = [draw(convolutions(channels, out, size_kept))]
    if draw(st.booleans()):
        steps.append(nn.BatchNorm2d(out))
    if draw(st.integers(0, 4)):
        kind = draw(st.sampled_from(NONLINEARITIES))
        steps.append(kind(inplace=True) if kind is nn.ReLU and draw(st.booleans()) else kind())
    return nn.Sequential(*steps)


@st.composite
def blocks(draw: Any, channels: int) -> tuple[nn.Module, int]:
    """A block, and how many channels it gives."""
    kind = draw(st.integers(0, 12))
    out = draw(st.sampled_from([2, 4, 6]))
    if kind <= 3:
        return draw(units(channels, out)), out
    if kind == 4:
        body = draw(units(channels, channels, size_kept=True))
        return Residual(body, draw(st.sampled_from(["plain", "rectified", "in place"]))), channels
    if kind == 5:
        return Joined(draw(units(channels, out, True)), draw(units(channels, 2, True))), out + 2
    if kind == 6:
        return Gated(channels, draw(st.booleans())), channels
    if kind == 7:
        kernel = draw(st.integers(2, 3))
        return nn.MaxPool2d(
            kernel, draw(st.integers(1, 3)), draw(st.integers(0, kernel // 2)),
            ceil_mode=draw(st.booleans()),
        ), channels  # fmt: skip
    if kind == 8:
        kernel = draw(st.integers(2, 3))
        return nn.AvgPool2d(
            kernel, draw(st.integers(1, 3)), draw(st.integers(0, kernel // 2)),
            ceil_mode=draw(st.booleans()), count_include_pad=draw(st.booleans()),
        ), channels  # fmt: skip
    if kind == 9:
        pool = draw(st.sampled_from([nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d]))
        return pool((draw(st.integers(1, 6)), draw(st.integers(1, 6)))), channels
    if kind == 10 and channels % 2 == 0:
        half = Halved(draw(units(channels // 2, channels // 2, True)))
        return nn.Sequential(half, Shuffled()), channels
    if kind == 11:
        return Normed(channels), channels
    return Padded(draw(st.tuples(*[st.integers(0, 2)] * 4))), channels


@st.composite
def networks(draw: Any) -> tuple[nn.Module, tuple[int, int, int]]:
    """A network in evaluation mode and the shape of its input; its weights are random."""
    channels = draw(st.sampled_from([1, 3]))
    shape = channels, draw(st.integers(9, 26)), draw(st.integers(9, 26))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    steps: list[nn.Module] = [draw(units(channels, 4))]
    channels = 4
    for _ in range(draw(st.integers(1, 5))):
        block, out = draw(blocks(channels))
        if _runs(nn.Sequential(*steps, block), shape):
            steps.append(block)
            channels = out
    if not _runs(nn.Sequential(*steps), shape):
        steps = [nn.Conv2d(shape[0], 4, 3), nn.ReLU()]
    if draw(st.booleans()):
        size = nn.Sequential(*steps)(torch.zeros(1, *shape)).flatten(1).shape[1]
        steps += [nn.Flatten(), nn.Linear(size, 5)]
    model = nn.Sequential(*steps)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.5, 2)
                module.weight.normal_()  # of either sign
                module.bias.normal_(0, 0.3)
    return model.eval(), shape


def wrapped(model: nn.Module, shape: tuple[int, int, int]) -> Network:
    """The network of a model that takes inputs of this shape, one channel or three."""
    channels, height, width = shape
    mode = "L" if channels == 1 else "RGB"
    mean, std = (0.5,) * channels, (0.25,) * channels
    return wrap(model, Preprocessing(None, (height, width), mean, std, mode=mode))


def inputs(shape: tuple[int, ...], seed: int, count: int = 1) -> Tensor:
    """Random inputs ``[count, *shape]`` in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *shape, generator=generator, dtype=torch.float64)


def maps(network: Network, x: Tensor, layer: Layer) -> Tensor:
    """A layer's feature maps ``[N, units, H, W]`` for inputs ``x``."""
    recording = record(network.graph, x, [layer.node], "deconvnet")
    return layer.maps(recording.activations[layer.node])


def _runs(model: nn.Module, shape: tuple[int, int, int]) -> bool:
    try:
        with torch.no_grad():
            output = model.eval()(torch.zeros(1, *shape))
    except (RuntimeError, ValueError):
        return False
    return output.numel() > 0
