"""Convolutions and poolings as sliding windows: from windows of outputs to those of inputs."""

from __future__ import annotations

from torch import Tensor, nn

from atlas.networks.graph import pair
from atlas.reconstruction.windows import Span

Sliding = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d


def span_below(module: Sliding, span: Span) -> Span:
    """The windows of the input that windows of the output depend on, with padding."""
    assert not isinstance(module.padding, str)
    kernel, stride, padding = pair(module.kernel_size), pair(module.stride), pair(module.padding)
    dilation = pair(getattr(module, "dilation", 1))
    height = (span.size[0] - 1) * stride[0] + dilation[0] * (kernel[0] - 1) + 1
    width = (span.size[1] - 1) * stride[1] + dilation[1] * (kernel[1] - 1) + 1
    top, left = span.top * stride[0] - padding[0], span.left * stride[1] - padding[1]
    return Span(top, left, (height, width))


def shares(module: nn.AvgPool2d, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """The weight of a pixel in each average, ``[1, 1, h, w]``, for an input of this shape."""
    inside = like.new_ones((1, 1, *shape[1:]))
    counts = nn.AvgPool2d(
        module.kernel_size, module.stride, module.padding, module.ceil_mode, divisor_override=1
    )(inside)
    return module(inside) / counts
