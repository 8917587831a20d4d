"""The backward step of every kind of operation: what a signal above it becomes below it.

``ADJOINTS`` holds one step for each kind, over windows of signals, of which a whole signal is one.
A step takes a projection, an operation and the signals above it, and returns those below, for each
of its inputs; one that the operation's output doesn't depend on may be missing. A step raises
``AtlasError`` for an operation without a derivative, which it names with its module and line. A
rule replaces some of the steps (``rules``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from atlas.errors import AtlasError, first_line
from atlas.networks import operations as ops
from atlas.networks.operations import Node, Operation
from atlas.reconstruction.projection import Projection
from atlas.reconstruction.sliding import shares, span_below
from atlas.reconstruction.sparse import Switches, filtered_back, skips_zeros, unpooled
from atlas.reconstruction.windows import Span, Window, all_of, gathered, whole
from atlas.runtime.device_memory import ran_out

Parts = list[tuple[Node, Window]]
Step = Callable[..., Parts]


def _same(projection: Projection, operation: Operation, signal: Window) -> Parts:
    return [(operation.inputs[0], signal)]


def _sum(projection: Projection, operation: Operation, signal: Window) -> Parts:
    shapes = projection.graph.shapes
    own = shapes[operation.node]
    if all(shapes[below] == own for below in operation.inputs):
        return [(below, signal) for below in operation.inputs]
    values = whole(signal, own).values
    return [
        (below, Window(unbroadcast(values, (len(values), *shapes[below]))))
        for below in operation.inputs
    ]


def _product(projection: Projection, operation: ops.Product, signal: Window) -> Parts:
    shapes, node = projection.graph.shapes, operation.node
    own = shapes[node]
    if len(operation.inputs) == 1:
        (scaled,) = operation.inputs
        factor = operation.factor
        assert factor is not None
        everywhere = not isinstance(factor, Tensor) or _is_everywhere(factor.shape, len(own) + 1)
        if shapes[scaled] != own or not everywhere:
            values = whole(signal, own).values * factor
            return [(scaled, Window(unbroadcast(values, (len(values), *shapes[scaled]))))]
        return [(scaled, replace(signal, values=signal.values * factor))]
    gate = operation.gate
    if gate is None:
        return _derived(projection, operation, signal)
    (gated,) = [below for below in operation.inputs if below is not gate]
    recorded = projection.recording.inputs[node][gate]
    if isinstance(operation, ops.Quotient):
        recorded = 1 / recorded
    if not signal.is_whole and recorded.shape[1:] == own:
        held = gathered(recorded, projection.stimulus, signal.span)
    else:
        held = recorded[projection.stimulus]
        if not _is_everywhere(held.shape, len(own) + 1):
            signal = whole(signal, own)
    passed = replace(signal, values=signal.values * held)
    if shapes[gated] == own:
        return [(gated, passed)]
    values = whole(passed, own).values
    return [(gated, Window(unbroadcast(values, (len(values), *shapes[gated]))))]


def _is_everywhere(shape: tuple[int, ...], dims: int) -> bool:
    """Whether a factor of signals ``[B, C, H, W]`` is the same at all positions."""
    padded = (*([1] * (dims - len(shape))), *shape)
    return dims == 4 and padded[2:] == (1, 1)


def _concatenation(projection: Projection, operation: ops.Concatenation, signal: Window) -> Parts:
    shapes, axis = projection.graph.shapes, operation.axis
    if not signal.is_whole and axis != 1:
        signal = whole(signal, shapes[operation.node])
    sizes = [(0, *shapes[below])[axis] for below in operation.parts]
    parts: dict[Node, Window] = {}
    for below, values in zip(operation.parts, signal.values.split(sizes, axis), strict=True):
        if below in parts:  # joined twice
            values = parts[below].values + values
        parts[below] = replace(signal, values=values)
    return list(parts.items())


def gradient(projection: Projection, operation: Operation, signal: Window) -> Window:
    """A signal times the derivative of a nonlinearity at the stimulus."""
    (below,) = operation.inputs
    recorded = projection.recording.inputs[operation.node][below]
    stimulus = projection.stimulus
    at = recorded[stimulus] if signal.is_whole else gathered(recorded, stimulus, signal.span)
    if isinstance(operation, ops.Nonlinearity) and operation.rectifies:
        return replace(signal, values=signal.values * at)  # the derivative is what is recorded
    evaluate = projection.graph.evaluate
    passed = _adjoint(lambda v: evaluate(operation.node, v), {below: at}, signal.values)
    return replace(signal, values=passed[below])


def _nonlinearity(projection: Projection, operation: Operation, signal: Window) -> Parts:
    return [(operation.inputs[0], gradient(projection, operation, signal))]


def _max_pooling(projection: Projection, operation: Operation, signal: Window) -> Parts:
    (below,) = operation.inputs
    width = projection.graph.shapes[below][2]
    places = projection.recording.switches[operation.node]
    switches = Switches(places, projection.stimulus, width)
    if isinstance(operation, ops.MaxPooling) and not signal.is_whole:
        span = span_below(operation.window, signal.span)
        part = unpooled(signal.values, switches, above=signal.span, below=span)
        return [(below, Window(part, span.top, span.left, inside=True))]
    values = whole(signal, projection.graph.shapes[operation.node]).values
    above = all_of(values.shape, values.device)
    under = all_of(projection.shape_below(operation, values), values.device)
    return [(below, Window(unpooled(values, switches, above=above, below=under)))]


def _convolution(projection: Projection, operation: ops.Convolution, signal: Window) -> Parts:
    (below,) = operation.inputs
    graph, window, weight = projection.graph, operation.window, operation.weight
    skips = skips_zeros(graph, operation)
    if signal.is_whole and (skips or operation.is_even):
        shape = projection.shape_below(operation, signal.values)
        if skips:
            device = signal.values.device
            above, under = all_of(signal.values.shape, device), all_of(shape, device)
            part = filtered_back(
                weight, window, signal.values, above=above, below=under, shape=shape[1:]
            )
        else:
            part = conv2d_input(
                list(shape), weight, signal.values,
                window.stride, window.padding, window.dilation, operation.groups,
            )  # fmt: skip
        return [(below, Window(part))]
    span = span_below(window, signal.span if not signal.is_whole else _all(signal))
    if skips:
        shape = graph.shapes[below]
        spread = filtered_back(
            weight, window, signal.values, above=signal.span, below=span, shape=shape
        )
        return [(below, Window(spread, span.top, span.left, inside=True))]
    spread = F.conv_transpose2d(
        signal.values, weight, None, window.stride, 0, 0, operation.groups, window.dilation
    )
    return [(below, Window(spread, span.top, span.left))]


def _all(signal: Window) -> Span:
    return all_of(signal.values.shape, signal.values.device)


def _linear(projection: Projection, operation: ops.Linear, signal: Window) -> Parts:
    values = whole(signal, projection.graph.shapes[operation.node]).values
    return [(operation.inputs[0], Window(values @ operation.weight))]


def _batch_norm(projection: Projection, operation: Operation, signal: Window) -> Parts:
    """A batch norm passes a signal down by its factor of each channel."""
    (below,) = operation.inputs
    factor = batch_norm_factor(projection, operation)
    return [(below, replace(signal, values=signal.values * factor))]


def batch_norm_factor(projection: Projection, operation: Operation) -> Tensor:
    """The factor of a batch norm for each channel, ``[1, C, 1, 1]`` where it norms maps."""
    (below,) = operation.inputs
    graph, factors = projection.graph, projection.recording.factors
    if operation not in factors:
        shape = graph.shapes[below]
        like = graph.device, graph.dtype
        one = torch.ones((1, shape[0], *[1] * (len(shape) - 1)), device=like[0], dtype=like[1])
        parts = _adjoint(lambda v: graph.evaluate(operation.node, v), {below: one}, one)
        factors[operation] = parts[below]
    return factors[operation]


def _group_norm(projection: Projection, operation: ops.GroupNorm, signal: Window) -> Parts:
    """A group norm passes a signal down by its factor, held at its value for the stimulus."""
    (below,) = operation.inputs
    maps = projection.recording.inputs[operation.node][below]  # [N, C, H, W]
    variance = maps.reshape(len(maps), operation.groups, -1).var(2, correction=0)
    factor = (variance + operation.epsilon).rsqrt()  # [N, groups]
    factor = factor.repeat_interleave(maps.shape[1] // operation.groups, 1)
    if operation.weight is not None:
        factor = factor * operation.weight
    held = factor[projection.stimulus][:, :, None, None]
    return [(below, replace(signal, values=signal.values * held))]


def _average_pooling(
    projection: Projection, operation: ops.AveragePooling, signal: Window
) -> Parts:
    if signal.is_whole:
        return _linear_map(projection, operation, signal)
    (below,) = operation.inputs
    values, window = signal.values, operation.window
    channels = values.shape[1]
    share = shares(projection.graph, operation, values)
    spread = values * gathered(share, torch.zeros_like(projection.stimulus), signal.span)
    ones = values.new_ones((channels, 1, *window.kernel))
    spread = F.conv_transpose2d(spread, ones, None, window.stride, 0, 0, channels)
    span = span_below(window, signal.span)
    return [(below, Window(spread, span.top, span.left))]


def _padding(projection: Projection, operation: ops.Padding, signal: Window) -> Parts:
    """What lies in the padding is lost."""
    (below,) = operation.inputs
    span = span_below(operation.window, _all(signal) if signal.is_whole else signal.span)
    return [(below, Window(signal.values, span.top, span.left))]


def _linear_map(projection: Projection, operation: Operation, signal: Window) -> Parts:
    """The step of a linear operation: its adjoint, which is the same at any input."""
    values = whole(signal, projection.graph.shapes[operation.node]).values
    zeros = values.new_zeros(projection.shape_below(operation, values))
    return by_derivative(projection, operation, values, {operation.inputs[0]: zeros})


def _derived(projection: Projection, operation: Operation, signal: Window) -> Parts:
    """The step of any other operation: its derivative at the stimulus."""
    values = whole(signal, projection.graph.shapes[operation.node]).values
    recorded = projection.recording.inputs[operation.node]
    at = {below: value[projection.stimulus] for below, value in recorded.items()}
    return by_derivative(projection, operation, values, at)


def by_derivative(
    projection: Projection, operation: Operation, values: Tensor, at: dict[Node, Tensor]
) -> Parts:
    """Signals times an operation's derivative at ``at``, for each input that has one."""
    evaluate = projection.graph.evaluate
    try:
        parts = _adjoint(lambda v: evaluate(operation.node, v), at, values)
    except (RuntimeError, NotImplementedError) as error:
        if ran_out(error):
            raise
        raise AtlasError(
            f"no signal can be passed down through {operation.where}: {first_line(error)}"
        ) from error
    if not parts and operation.is_foreign:
        raise AtlasError(
            f"no signal can be passed down through {operation.where}: it has no derivative"
        )
    return [(below, Window(part)) for below, part in parts.items()]


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


def unbroadcast(signal: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The signal summed over the axes along which a value of this shape was broadcast."""
    while signal.dim() > len(shape):
        signal = signal.sum(1)
    for axis, (above, below) in enumerate(zip(signal.shape, shape, strict=True)):
        if above != below:
            signal = signal.sum(axis, keepdim=True)
    return signal


ADJOINTS: dict[type[Operation], Step] = {
    ops.Convolution: _convolution,
    ops.Linear: _linear,
    ops.BatchNorm: _batch_norm,
    ops.GroupNorm: _group_norm,
    ops.MaxPooling: _max_pooling,
    ops.AdaptiveMaxPooling: _max_pooling,
    ops.Padding: _padding,
    ops.AveragePooling: _average_pooling,
    ops.AdaptiveAveragePooling: _linear_map,
    ops.Nonlinearity: _nonlinearity,
    ops.Identity: _same,
    ops.Sum: _sum,
    ops.Product: _product,
    ops.Quotient: _product,
    ops.Concatenation: _concatenation,
    ops.Rearrangement: _linear_map,
    ops.Resampling: _linear_map,
    ops.Mixing: _derived,
    ops.Derived: _derived,
}
