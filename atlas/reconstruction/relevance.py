"""Layer-wise relevance propagation: the steps of the rule ``lrp``.

The signal is relevance, which starts as one unit's activation and is shared out at every operation
among what the activation was made of, as in concept relevance propagation (Achtibat et al. 2023,
doi 10.1038/s42256-023-00711-8). Where it comes from each operation's inputs:

- A convolution shares by its positive contributions alone (z-plus, Montavon et al. 2017): positive
  inputs through positive filters, and negative ones through negative filters. A batch norm above it
  is folded into the filters. Biases get nothing, so nothing is lost.
- The lowest convolutions and linear layers, which see the pixels, share evenly (flat).
- Linear layers, sums, means and all other operations share by contributions of either sign, each
  divided by their total, bias included, and a little more (epsilon).
- Nonlinearities, norms and gates pass relevance on as it is, poolings to the maximum.

Relevance is conserved where it meets no bias outside convolutions, no input that is zero
everywhere, and no operation that isn't linear in its inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.operations import Node, Operation
from atlas.reconstruction.adjoints import (
    ADJOINTS,
    Parts,
    Step,
    batch_norm_factor,
    by_derivative,
    unbroadcast,
)
from atlas.reconstruction.projection import Projection
from atlas.reconstruction.sliding import span_below
from atlas.reconstruction.windows import Window, all_of, gathered, whole

EPSILON = 1e-6  # added to a total of contributions, with its sign


def _passed(projection: Projection, operation: Operation, signal: Window) -> Parts:
    return [(operation.inputs[0], signal)]


def _shared(relevance: Tensor, total: Tensor) -> Tensor:
    """Relevance for each unit of a contribution, of contributions with this total."""
    return relevance / torch.where(total < 0, total - EPSILON, total + EPSILON)


def _convolution(projection: Projection, operation: ops.Convolution, signal: Window) -> Parts:
    (below,) = operation.inputs
    graph, window = projection.graph, operation.window
    shape = graph.shapes[below]
    above = all_of(signal.values.shape, signal.values.device) if signal.is_whole else signal.span
    span = span_below(window, above)
    inside = span.inside(shape)
    if is_lowest(graph, operation):
        ones = torch.ones_like(operation.weight)
        spread = _even(operation, signal.values, inside.to(signal.values.dtype), ones)
        return [(below, Window(spread, span.top, span.left))]
    recorded = projection.recording.inputs[operation.node][below]
    inputs = torch.where(inside, gathered(recorded, projection.stimulus, span), 0)
    weight = operation.weight * _factor_above(projection, operation)
    signs = [(inputs.clamp_min(0), weight.clamp_min(0))]
    if bool((recorded < 0).any()):
        signs.append((inputs.clamp_max(0), weight.clamp_max(0)))
    total = sum(_up(operation, values, filters) for values, filters in signs)
    assert isinstance(total, Tensor)
    # where nothing contributes there is nothing to share
    each = torch.where(total > 0, signal.values / total.clamp_min(_tiny(total)), 0)
    part = sum(values * _down(operation, each, filters) for values, filters in signs)
    assert isinstance(part, Tensor)
    return [(below, Window(part, span.top, span.left))]


def _tiny(values: Tensor) -> float:
    return float(torch.finfo(values.dtype).tiny)


def _even(operation: ops.Convolution, relevance: Tensor, inside: Tensor, ones: Tensor) -> Tensor:
    """Relevance that every pixel inside a convolution's window gets the same of."""
    counted = inside.expand(-1, ones.shape[1] * operation.groups, -1, -1)
    each = relevance / _up(operation, counted, ones).clamp_min(1)
    return counted * _down(operation, each, ones)


def _up(operation: ops.Convolution, values: Tensor, weight: Tensor) -> Tensor:
    window = operation.window
    return F.conv2d(values, weight, None, window.stride, 0, window.dilation, operation.groups)


def _down(operation: ops.Convolution, values: Tensor, weight: Tensor) -> Tensor:
    window = operation.window
    return F.conv_transpose2d(
        values, weight, None, window.stride, 0, 0, operation.groups, window.dilation
    )


def _factor_above(projection: Projection, operation: ops.Convolution) -> Tensor | float:
    """The factor of each filter ``[O, 1, 1, 1]`` by a batch norm that alone reads a convolution."""
    users = list(_users(projection.graph, operation.node))
    if len(users) != 1 or not isinstance(users[0], ops.BatchNorm):
        return 1.0
    return batch_norm_factor(projection, users[0]).view(-1, 1, 1, 1)


def _users(graph: Graph, node: Node) -> Iterator[Operation]:
    return (operation for operation in graph.operations.values() if node in operation.inputs)


def is_lowest(graph: Graph, operation: Operation) -> bool:
    """Whether no convolution or linear layer lies below an operation: it sees the pixels."""
    return not any(
        isinstance(below, ops.Convolution | ops.Linear) for below in graph.below(*operation.inputs)
    )


def _linear(projection: Projection, operation: ops.Linear, signal: Window) -> Parts:
    (below,) = operation.inputs
    relevance = whole(signal, projection.graph.shapes[operation.node]).values
    if is_lowest(projection.graph, operation):
        each = relevance.sum(-1, keepdim=True) / operation.weight.shape[1]
        return [(below, Window(each.expand(*relevance.shape[:-1], operation.weight.shape[1])))]
    inputs = projection.recording.inputs[operation.node][below][projection.stimulus]
    each = _shared(relevance, F.linear(inputs, operation.weight, operation.bias))
    return [(below, Window(inputs * (each @ operation.weight)))]


def _sum(projection: Projection, operation: Operation, signal: Window) -> Parts:
    shapes, own = projection.graph.shapes, projection.graph.shapes[operation.node]
    if len(operation.inputs) == 1:  # what is added to it is the same for every image
        (below,) = operation.inputs
        if shapes[below] == own:
            return [(below, signal)]
        values = whole(signal, own).values
        return [(below, Window(unbroadcast(values, (len(values), *shapes[below]))))]
    recorded = projection.recording.inputs[operation.node]
    if any(shapes[below] != own for below in operation.inputs):
        signal = whole(signal, own)
    terms = {below: _at(recorded[below], projection, signal) for below in operation.inputs}
    total = sum(terms.values())
    assert isinstance(total, Tensor)
    each = _shared(signal.values, total)
    parts = []
    for below, term in terms.items():
        part = term * each
        if shapes[below] != own:
            part = unbroadcast(part, (len(part), *shapes[below]))
        parts.append((below, replace(signal, values=part)))
    return parts


def _at(recorded: Tensor, projection: Projection, signal: Window) -> Tensor:
    """A recorded value where signals lie, ``[B, ...]``."""
    if signal.is_whole:
        return recorded[projection.stimulus]
    return gathered(recorded, projection.stimulus, signal.span)


def _product(projection: Projection, operation: ops.Product, signal: Window) -> Parts:
    """The gated factor gets it all (Arras et al. 2017); where neither is a gate, each a half."""
    shapes, own = projection.graph.shapes, projection.graph.shapes[operation.node]
    of = [below for below in operation.inputs if below is not operation.gate]
    parts = []
    for below in of:
        part = replace(signal, values=signal.values / len(of))
        if shapes[below] != own:
            values = whole(part, own).values
            part = Window(unbroadcast(values, (len(values), *shapes[below])))
        parts.append((below, part))
    return parts


def _average_pooling(
    projection: Projection, operation: ops.AveragePooling, signal: Window
) -> Parts:
    """By contributions: the adjoint of what each unit of a contribution gets."""
    (below,) = operation.inputs
    recorded = projection.recording.inputs[operation.node][below]
    means: Tensor = projection.graph.evaluate(operation.node, {below: recorded})
    each = replace(signal, values=_shared(signal.values, _at(means, projection, signal)))
    ((_, part),) = ADJOINTS[type(operation)](projection, operation, each)
    return [(below, replace(part, values=part.values * _at(recorded, projection, part)))]


def _derived(projection: Projection, operation: Operation, signal: Window) -> Parts:
    """By each input times the derivative, as if the operation were linear there."""
    relevance = whole(signal, projection.graph.shapes[operation.node]).values
    recorded = projection.recording.inputs[operation.node]
    at = {below: value[projection.stimulus] for below, value in recorded.items()}
    value: Tensor = projection.graph.evaluate(operation.node, at)
    parts = by_derivative(projection, operation, _shared(relevance, value), at)
    return [(below, Window(at[below] * part.values / len(parts))) for below, part in parts]


STEPS: dict[type[Operation], Step] = {
    ops.Convolution: _convolution,
    ops.Linear: _linear,
    ops.BatchNorm: _passed,
    ops.GroupNorm: _passed,
    ops.Nonlinearity: _passed,
    ops.Sum: _sum,
    ops.Product: _product,
    ops.Quotient: _product,
    ops.AveragePooling: _average_pooling,
    ops.AdaptiveAveragePooling: _derived,
    ops.Resampling: _derived,
    ops.Mixing: _derived,
    ops.Derived: _derived,
}
