"""Convolutions and poolings: where the window of an output lies in the input."""

from __future__ import annotations

from torch import Tensor, nn

from atlas.networks.graph import pair
from atlas.reconstruction.windows import Span

Sliding = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d


def span_below(module: Sliding, span: Span) -> Span:
    """What of the input windows of the output depend on, padding included."""
    assert not isinstance(module.padding, str)
    kernel, stride, padding = pair(module.kernel_size), pair(module.stride), pair(module.padding)
    dilation = pair(getattr(module, "dilation", 1))
    height, width = (
        (span.size[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 for i in (0, 1)
    )
    top, left = span.top * stride[0] - padding[0], span.left * stride[1] - padding[1]
    return Span(top, left, (height, width))


def shares(module: nn.AvgPool2d, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """What part of each average every pixel of its window makes up, ``[1, 1, h, w]``."""
    inside = like.new_ones((1, 1, *shape[1:]))
    counts = nn.AvgPool2d(
        module.kernel_size, module.stride, module.padding, module.ceil_mode, divisor_override=1
    )(inside)
    return module(inside) / counts
