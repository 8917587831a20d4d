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
from torch import Tensor
from torch.nn import functional as F

from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.operations import Node, Operation
from atlas.reconstruction.sliding import shares, span_below
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
            if isinstance(operation, ops.Input):
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
    own = graph.shapes[operation.node]
    shapes = [graph.shapes[below] for below in operation.inputs]
    if any(len(shape) != 3 for shape in [own, *shapes]):
        return False
    if isinstance(operation, ops.Sum | ops.Product):
        return len(shapes) == 2 and all(shape[1:] in (own[1:], (1, 1)) for shape in shapes)
    if isinstance(operation, ops.Concatenation):
        return operation.axis == 1
    return isinstance(operation, _SLIDING + _IN_PLACE)


_SLIDING = (ops.Convolution, ops.MaxPooling, ops.AveragePooling, ops.Padding)
_IN_PLACE = (ops.Nonlinearity, ops.BatchNorm, ops.Identity)


def _below(graph: Graph, operation: Operation, span: Span, below: Node) -> Span | None:
    """The windows of an input that windows of an operation's output depend on; None for all."""
    if not _is_local(graph, operation):
        return None
    if isinstance(operation, _SLIDING):
        return span_below(operation.window, span)
    # a factor with one position is the same everywhere
    return span if graph.shapes[below][1:] == graph.shapes[operation.node][1:] else None


def _fill(operation: Operation) -> float | None:
    """The value of an operation's padding; None if it has none."""
    if not isinstance(operation, _SLIDING):
        return None
    if isinstance(operation, ops.Padding):
        return operation.value
    after = operation.after if isinstance(operation, ops.Convolution) else (0, 0)
    if not any((*operation.window.padding, *after)) and not operation.window.ceil_mode:
        return None
    return -math.inf if isinstance(operation, ops.MaxPooling) else 0.0


def _up(
    graph: Graph, operation: Operation, span: Span | None, values: Mapping[Node, Window]
) -> Window:
    """An operation's output at ``span`` (whole for None), from what is known of its inputs."""
    node = operation.node
    if span is None or not _is_local(graph, operation):
        inputs = {below: values[below].values for below in operation.inputs}
        whole = Window(graph.evaluate(node, inputs))
        return whole if span is None else cut(whole, span, shape=graph.shapes[node])
    parts = {}
    for below in operation.inputs:
        needed, shape = _below(graph, operation, span, below), graph.shapes[below]
        parts[below] = cut(values[below], needed, shape=shape, fill=_fill(operation)).values
    return Window(_of_parts(graph, operation, span, parts), span.top, span.left)


def _of_parts(graph: Graph, operation: Operation, span: Span, parts: dict[Node, Tensor]) -> Tensor:
    """An operation's output at ``span``, from all that it depends on, padding included."""
    if isinstance(operation, ops.Convolution):
        (part,) = parts.values()
        stride, dilation = operation.window.stride, operation.window.dilation
        return F.conv2d(
            part, operation.weight, operation.bias, stride, 0, dilation, operation.groups
        )
    if isinstance(operation, ops.Padding):
        (part,) = parts.values()
        return part
    if isinstance(operation, ops.MaxPooling):
        (part,) = parts.values()
        window = operation.window
        return F.max_pool2d(part, window.kernel, window.stride, 0, window.dilation)
    if isinstance(operation, ops.AveragePooling):
        (part,) = parts.values()
        window = operation.window
        sums = F.avg_pool2d(part, window.kernel, window.stride, divisor_override=1)
        share = shares(graph, operation, part)
        return sums * gathered(share, torch.zeros_like(span.top), span)
    output: Tensor = graph.evaluate(operation.node, parts)
    return output
