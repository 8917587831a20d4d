"""One activation each, from no more than the part of the input that it sees.

The way up for a changed stimulus: of every value on the way only the window is computed that the
activation depends on, or the whole where the window covers most of it. What comes out is what the
whole network would give, but for rounding.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.networks.graph import Graph, Node, Operation, concatenation, pads_with_zeros, pair
from atlas.networks.layers import Layer
from atlas.reconstruction.sliding import Sliding, shares, span_below
from atlas.reconstruction.windows import Span, Window, covers, cut, gathered, joint

Cone = dict[Node, Span | None]  # None stands for the whole tensor


def cone(graph: Graph, layer: Layer, positions: Tensor) -> Cone:
    """What activations at ``positions`` ``[B, 2]`` (row, column) of a layer depend on.

    For every node on the way B windows, or None for the whole of it; from the layer down, so the
    input comes last, unless nothing depends on it.
    """
    found: Cone = {}
    start = Span(positions[:, 0], positions[:, 1], (1, 1))
    waiting: Cone = {layer.node: start if layer.dims == (1, 2, 3) else None}
    nodes = list(graph.operations)
    for node in reversed(nodes[: nodes.index(layer.node) + 1]):
        if node not in waiting:
            continue
        span, shape = waiting.pop(node), graph.shapes[node]
        if span and covers(span.size, shape):
            span = None
        found[node] = span
        operation = graph.operations[node]
        for below in operation.inputs:
            needed = _below(graph, operation, span, below) if span else None
            have = waiting.get(below, needed)
            waiting[below] = joint(have, needed) if have and needed else None
    return found


def ascend(
    graph: Graph, layer: Layer, spans: Cone, inputs: Window, units: Tensor, positions: Tensor
) -> Tensor:
    """The activations ``[B]`` of ``units`` ``[B]`` at the positions of a cone, ``[B, 2]``.

    ``inputs`` are the windows of the network's input that the cone asks for, or the whole of it.
    """
    uses = Counter(below for node in spans for below in graph.operations[node].inputs)
    values: dict[Node, Window] = {}
    with torch.inference_mode():
        for node in reversed(spans):
            operation = graph.operations[node]
            if operation.kind == "input":
                values[node] = inputs
                continue
            values[node] = _up(graph, operation, spans[node], values)
            for below in operation.inputs:
                uses[below] -= 1
                if not uses[below]:
                    del values[below]
        top = values[layer.node]
        rows = torch.arange(len(units), device=units.device)
        if not top.is_whole:
            return top.values[rows, units, 0, 0]
        return layer.maps(top.values)[rows, units, positions[:, 0], positions[:, 1]]


def _is_local(graph: Graph, operation: Operation) -> bool:
    """Whether a window of an operation's output can be had from windows of its inputs."""
    own, module = graph.shapes[operation.node], operation.module
    shapes = [graph.shapes[below] for below in operation.inputs]
    if any(len(shape) != 3 for shape in [own, *shapes]):
        return False
    if operation.kind in ("sum", "product"):
        return all(shape[1:] in (own[1:], (1, 1)) for shape in shapes)
    if operation.kind == "concatenation":
        return concatenation(operation.node)[0] in (1, -3)
    if isinstance(module, nn.Conv2d):
        return pads_with_zeros(module)
    return operation.kind == "output" or operation.is_pointwise or isinstance(module, Sliding)


def _below(graph: Graph, operation: Operation, span: Span, below: Node) -> Span | None:
    """Which windows of an input the windows of an operation's output depend on."""
    if not _is_local(graph, operation):
        return None
    if isinstance(operation.module, Sliding):
        return span_below(operation.module, span)
    # a factor without places of its own is the same everywhere
    return span if graph.shapes[below][1:] == graph.shapes[operation.node][1:] else None


def _fill(module: nn.Module | None) -> float | None:
    """What an operation finds beyond its input; None where no position that counts looks there."""
    if not isinstance(module, Sliding):
        return None
    assert not isinstance(module.padding, str)
    looks = any(pair(module.padding)) or getattr(module, "ceil_mode", False)
    return (-math.inf if isinstance(module, nn.MaxPool2d) else 0.0) if looks else None


def _up(
    graph: Graph, operation: Operation, span: Span | None, values: Mapping[Node, Window]
) -> Window:
    """An operation's output, in windows or as a whole, from those of its inputs."""
    node, module = operation.node, operation.module
    if span is None or not _is_local(graph, operation):
        whole = graph.evaluate(node, {below: values[below].values for below in operation.inputs})
        return Window(whole) if span is None else cut(Window(whole), span, graph.shapes[node])
    parts = {}
    for below in operation.inputs:
        needed, shape = _below(graph, operation, span, below), graph.shapes[below]
        parts[below] = cut(values[below], needed, shape, _fill(module)).values
    if isinstance(module, nn.Conv2d):
        (part,) = parts.values()
        made = F.conv2d(
            part, module.weight, module.bias, module.stride, 0, module.dilation, module.groups
        )
    elif isinstance(module, nn.MaxPool2d):
        (part,) = parts.values()
        made = F.max_pool2d(part, module.kernel_size, module.stride, 0, module.dilation)
    elif isinstance(module, nn.AvgPool2d):
        ((below, part),) = parts.items()
        sums = F.avg_pool2d(part, module.kernel_size, module.stride, divisor_override=1)
        share = shares(module, graph.shapes[below], part)
        made = sums * gathered(share, torch.zeros_like(span.top), span)
    else:
        made = graph.evaluate(node, parts)
    return Window(made, span.top, span.left)
