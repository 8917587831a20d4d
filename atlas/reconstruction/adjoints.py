"""The backward steps: what a signal above an operation becomes below it.

There are two forms of a step. ``step`` takes the whole signal and knows every operation;
``window_step`` takes a window of it, is much faster, and knows the common operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from atlas.networks.graph import Graph, Node, Operation, concatenation, pads_with_zeros, pair
from atlas.reconstruction.recording import LINEAR, Recording
from atlas.reconstruction.rules import behaviour
from atlas.reconstruction.sliding import shares, span_below
from atlas.reconstruction.sparse import (
    MAX_POOLING,
    Switches,
    filtered_back,
    skips_zeros,
    unpooled,
)
from atlas.reconstruction.windows import Span, Window, all_of, gathered


@dataclass(frozen=True)
class Projection:
    """A backward projection of B signals by one of the recording's rules.

    ``stimulus`` ``[B]`` is the recorded stimulus of each signal.
    """

    recording: Recording
    stimulus: Tensor
    rule: str

    @property
    def graph(self) -> Graph:
        """The graph that the signals pass down."""
        return self.recording.graph

    def switches(self, operation: Operation) -> Switches:
        """The switches of a max pooling."""
        width = self.graph.shapes[operation.inputs[0]][2]
        return Switches(self.recording.switches[operation.node], self.stimulus, width)


def step(projection: Projection, operation: Operation, signal: Tensor) -> list[tuple[Node, Tensor]]:
    """The signals below an operation, for each of its inputs, of whole signals ``[B, ...]`` above.

    An input that the operation's output doesn't depend on may be missing.
    """
    graph, node, module = projection.graph, operation.node, operation.module
    recording, stimulus = projection.recording, projection.stimulus
    shapes = [(len(signal), *graph.shapes[below]) for below in operation.inputs]
    if operation.kind == "output":
        return [(operation.inputs[0], signal)]
    if operation.kind == "sum":
        parts = [_unbroadcast(signal, shape) for shape in shapes]
        return list(zip(operation.inputs, parts, strict=True))
    if operation.kind == "product":
        gate = _gate(graph, operation)
        if gate is not None:
            (gated,) = [below for below in operation.inputs if below is not gate]
            return [(gated, signal * recording.inputs[node][gate][stimulus])]
    if operation.kind == "concatenation":
        axis, slices = concatenation(node)
        sizes = [(0, *graph.shapes[below])[axis] for below in slices]
        return list(zip(slices, signal.split(sizes, axis), strict=True))
    if operation.is_nonlinearity:
        return [(operation.inputs[0], _past_nonlinearity(projection, operation, signal, None))]
    if isinstance(module, MAX_POOLING):
        above, under = all_of(signal.shape, signal.device), all_of(shapes[0], signal.device)
        part = unpooled(signal, projection.switches(operation), above=above, below=under)
        return [(operation.inputs[0], part)]
    if isinstance(module, nn.Conv2d) and pads_with_zeros(module):
        if skips_zeros(graph, node):
            above, under = all_of(signal.shape, signal.device), all_of(shapes[0], signal.device)
            shape = graph.shapes[operation.inputs[0]]
            part = filtered_back(module, signal, above=above, below=under, shape=shape)
        else:
            part = conv2d_input(
                list(shapes[0]), module.weight, signal,
                module.stride, module.padding, module.dilation, module.groups,
            )  # fmt: skip
        return [(operation.inputs[0], part)]
    if isinstance(module, nn.Linear):
        return [(operation.inputs[0], signal @ module.weight)]
    if isinstance(module, nn.BatchNorm2d):
        return [(operation.inputs[0], signal * _scale(graph, operation, signal))]
    if isinstance(module, LINEAR):  # the adjoint is the same at any input
        at = {operation.inputs[0]: signal.new_zeros(shapes[0])}
    else:
        at = {below: value[stimulus] for below, value in recording.inputs[node].items()}
    return list(_adjoint(lambda values: graph.evaluate(node, values), at, signal).items())


def window_step(
    projection: Projection, operation: Operation, signal: Window
) -> list[tuple[Node, Window]] | None:
    """The same for windows of signals; None for an operation that only ``step`` knows."""
    graph, module = projection.graph, operation.module
    stimulus, values = projection.stimulus, signal.values
    own = graph.shapes[operation.node]
    if any(len(graph.shapes[below]) != 3 for below in operation.inputs):
        return None
    if operation.kind == "output" or isinstance(module, nn.Dropout | nn.Dropout2d | nn.Identity):
        return [(operation.inputs[0], signal)]
    if operation.kind == "sum":
        same = all(graph.shapes[below] == own for below in operation.inputs)
        return [(below, signal) for below in operation.inputs] if same else None
    if operation.kind == "concatenation":
        axis, slices = concatenation(operation.node)
        if axis not in (1, -3):
            return None
        parts = values.split([graph.shapes[below][0] for below in slices], 1)
        return [(n, replace(signal, values=v)) for n, v in zip(slices, parts, strict=True)]
    if operation.kind == "product":
        gate = _gate(graph, operation)
        if gate is None or graph.shapes[gate][1:] != (1, 1):
            return None
        (gated,) = [below for below in operation.inputs if below is not gate]
        held = projection.recording.inputs[operation.node][gate][stimulus]
        return [(gated, replace(signal, values=values * held))]
    if len(operation.inputs) != 1 or len(own) != 3:
        return None
    (below,) = operation.inputs
    if operation.is_nonlinearity:
        passed = _past_nonlinearity(projection, operation, values, signal.span)
        return [(below, replace(signal, values=passed))]
    if isinstance(module, nn.BatchNorm2d):
        return [(below, replace(signal, values=values * _scale(graph, operation, values)))]
    if isinstance(module, nn.Conv2d) and pads_with_zeros(module):
        span = span_below(module, signal.span)
        if skips_zeros(graph, operation.node):
            spread = filtered_back(
                module, values, above=signal.span, below=span, shape=graph.shapes[below]
            )
            return [(below, Window(spread, span.top, span.left, inside=True))]
        spread = F.conv_transpose2d(
            values, module.weight, None, module.stride, 0, 0, module.groups, module.dilation
        )
        return [(below, Window(spread, span.top, span.left))]
    if isinstance(module, nn.MaxPool2d):
        span = span_below(module, signal.span)
        switches = projection.switches(operation)
        part = unpooled(values, switches, above=signal.span, below=span)
        return [(below, Window(part, span.top, span.left, inside=True))]
    if isinstance(module, nn.AvgPool2d):
        share = shares(module, graph.shapes[below], values)
        spread = values * gathered(share, torch.zeros_like(stimulus), signal.span)
        ones = values.new_ones((own[0], 1, *pair(module.kernel_size)))
        spread = F.conv_transpose2d(spread, ones, None, module.stride, 0, 0, own[0])
        span = span_below(module, signal.span)
        return [(below, Window(spread, span.top, span.left))]
    return None


_BOUNDED = (nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Softmax)


def _gate(graph: Graph, operation: Operation) -> Node | None:
    """The factor of a product that only scales the other one; None if neither does.

    It has fewer positions than the other, or comes from a bounded nonlinearity.
    """
    one, other = operation.inputs
    for small, large in ((one, other), (other, one)):
        if math.prod(graph.shapes[small][1:]) < math.prod(graph.shapes[large][1:]):
            return small
    bounded = [n for n in (one, other) if isinstance(graph.operations[n].module, _BOUNDED)]
    return bounded[0] if len(bounded) == 1 else None


def _scale(graph: Graph, operation: Operation, like: Tensor) -> Tensor:
    """The factor of each channel in a batch norm, ``[1, C, 1, 1]``."""
    (below,) = operation.inputs
    one = like.new_ones((1, graph.shapes[below][0], 1, 1))
    return _adjoint(lambda v: graph.evaluate(operation.node, v), {below: one}, one)[below]


def _past_nonlinearity(
    projection: Projection, operation: Operation, signal: Tensor, span: Span | None
) -> Tensor:
    """The signal below a nonlinearity, by the projection's rule.

    ``span`` is where the signal lies in the nonlinearity's value; None if it is the whole.
    """
    (below,) = operation.inputs
    stimulus = projection.stimulus

    def gradient(values: Tensor) -> Tensor:
        recorded = projection.recording.inputs[operation.node][below]
        at = recorded[stimulus] if span is None else gathered(recorded, stimulus, span)
        if isinstance(operation.module, nn.ReLU):  # of which the derivative is recorded
            return values * at
        function = projection.graph.evaluate
        return _adjoint(lambda v: function(operation.node, v), {below: at}, values)[below]

    return behaviour(projection.rule).pass_down(signal, gradient)


def _adjoint(
    function: Callable[[dict[Node, Tensor]], Tensor], at: dict[Node, Tensor], signal: Tensor
) -> dict[Node, Tensor]:
    """A signal times a function's derivative at some inputs, for each input that has one."""
    with torch.enable_grad():
        variables = {
            node: value.detach().requires_grad_() if value.is_floating_point() else value
            for node, value in at.items()
        }
        output = function(variables)
        wanted = [node for node, value in variables.items() if value.requires_grad]
        if not output.requires_grad:
            return {}
        parts = torch.autograd.grad(
            output, [variables[n] for n in wanted], signal, allow_unused=True
        )
    return {node: part for node, part in zip(wanted, parts, strict=True) if part is not None}


def _unbroadcast(signal: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The signal summed over the axes along which a term of a sum was broadcast."""
    for axis, (above, below) in enumerate(zip(signal.shape, shape, strict=True)):
        if above != below:
            signal = signal.sum(axis, keepdim=True)
    return signal
