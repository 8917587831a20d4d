"""Single activations, computed from the part of the input that they depend on.

A forward pass for changed stimuli: of every value, it computes only the window on which the
activation depends, or the whole value where the window covers most of it. The result equals the
whole network's but for rounding.
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
    """The part of every value that activations at ``positions`` ``[B, 2]`` of a layer depend on.

    For each node B windows, or None for its whole value. The nodes are in order from the layer
    down, so the input is the last, unless nothing depends on it. Positions are (row, column).
    """
    spans: Cone = {}
    own = Span(positions[:, 0], positions[:, 1], (1, 1))
    waiting: Cone = {layer.node: own if layer.dims == (1, 2, 3) else None}
    nodes = list(graph.operations)
    for node in reversed(nodes[: nodes.index(layer.node) + 1]):
        if node not in waiting:
            continue
        span, shape = waiting.pop(node), graph.shapes[node]
        if span and covers(span.size, shape):
            span = None
        spans[node] = span
        operation = graph.operations[node]
        for below in operation.inputs:
            needed = _below(graph, operation, span, below) if span else None
            have = waiting.get(below, needed)
            waiting[below] = joint(have, needed) if have and needed else None
    return spans


def activations(
    graph: Graph, layer: Layer, inputs: Window, *, spans: Cone, units: Tensor, positions: Tensor
) -> Tensor:
    """The activations ``[B]`` of a layer's ``units`` ``[B]`` at ``positions`` ``[B, 2]``.

    ``spans`` is the cone of these positions, and ``inputs`` the windows of the network's input that
    it names, or the whole input.
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
    """Whether a window of an operation's output follows from windows of its inputs."""
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
    """The windows of an input that windows of an operation's output depend on; None for all."""
    if not _is_local(graph, operation):
        return None
    if isinstance(operation.module, Sliding):
        return span_below(operation.module, span)
    # a factor with one position is the same everywhere
    return span if graph.shapes[below][1:] == graph.shapes[operation.node][1:] else None


def _fill(module: nn.Module | None) -> float | None:
    """The value of an operation's padding; None if it has none."""
    if not isinstance(module, Sliding):
        return None
    assert not isinstance(module.padding, str)
    if not any(pair(module.padding)) and not getattr(module, "ceil_mode", False):
        return None
    return -math.inf if isinstance(module, nn.MaxPool2d) else 0.0


def _up(
    graph: Graph, operation: Operation, span: Span | None, values: Mapping[Node, Window]
) -> Window:
    """An operation's output at ``span`` (whole for None), from what is known of its inputs."""
    node, module = operation.node, operation.module
    if span is None or not _is_local(graph, operation):
        inputs = {below: values[below].values for below in operation.inputs}
        whole = Window(graph.evaluate(node, inputs))
        return whole if span is None else cut(whole, span, shape=graph.shapes[node])
    parts = {}
    for below in operation.inputs:
        needed, shape = _below(graph, operation, span, below), graph.shapes[below]
        parts[below] = cut(values[below], needed, shape=shape, fill=_fill(module)).values
    if isinstance(module, nn.Conv2d):
        (part,) = parts.values()
        output = F.conv2d(
            part, module.weight, module.bias, module.stride, 0, module.dilation, module.groups
        )
    elif isinstance(module, nn.MaxPool2d):
        (part,) = parts.values()
        output = F.max_pool2d(part, module.kernel_size, module.stride, 0, module.dilation)
    elif isinstance(module, nn.AvgPool2d):
        ((below, part),) = parts.items()
        sums = F.avg_pool2d(part, module.kernel_size, module.stride, divisor_override=1)
        share = shares(module, graph.shapes[below], part)
        output = sums * gathered(share, torch.zeros_like(span.top), span)
    else:
        output = graph.evaluate(node, parts)
    return Window(output, span.top, span.left)
