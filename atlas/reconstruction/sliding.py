"""Convolutions and poolings as sliding windows: from windows of outputs to those of inputs."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from atlas.networks.graph import Graph
from atlas.networks.operations import AveragePooling, Sliding
from atlas.reconstruction.windows import Span


def span_below(window: Sliding, span: Span) -> Span:
    """The windows of the input that windows of the output depend on, with padding."""
    stride, padding = window.stride, window.padding
    reach = [d * (k - 1) + 1 for d, k in zip(window.dilation, window.kernel, strict=True)]
    height = (span.size[0] - 1) * stride[0] + reach[0]
    width = (span.size[1] - 1) * stride[1] + reach[1]
    top, left = span.top * stride[0] - padding[0], span.left * stride[1] - padding[1]
    return Span(top, left, (height, width))


def shares(graph: Graph, pooling: AveragePooling, like: Tensor) -> Tensor:
    """The weight of a pixel in each average, ``[1, 1, h, w]``."""
    (below,) = pooling.inputs
    inside = like.new_ones((1, 1, *graph.shapes[below][1:]))
    window = pooling.window
    counts = F.avg_pool2d(
        inside, window.kernel, window.stride, window.padding, window.ceil_mode, divisor_override=1
    )
    means: Tensor = graph.evaluate(pooling.node, {below: inside})
    return means / counts
