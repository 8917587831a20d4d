"""Deconvnet reconstructions: one activation projected down to pixels.

Zeiler & Fergus 2013 (arXiv 1311.2901), section 2.1: set all activations of a layer but one to
zero, then pass its signal down: unpool by the switches of this stimulus, rectify, filter with the
transposed filters, until the pixels are reached. Biases play no part, and nothing is rectified
after the last filter, so the result is signed.

The paper knows convolution, rectification and max pooling. What came later goes down as follows:
batch norm by its scale, average pooling, flattening and linear layers by their adjoint, a sum to
all its branches, a concatenation by its slices, a gated product (channel attention) past the gate,
which is held at its value, anything else by its derivative at this stimulus.
Where pooling windows overlap and share a switch, their signals add, as the adjoint has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from atlas.errors import UsageError
from atlas.networks.graph import Graph, Node, Operation, concatenation, pads_with_zeros, pair
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction import windows
from atlas.reconstruction.rules import behaviour
from atlas.reconstruction.sliding import shares, span_below
from atlas.reconstruction.sparse import MAX_POOLING, filtered_back, skips_zeros, unpooled
from atlas.reconstruction.windows import Span, Window


@dataclass(frozen=True)
class Recording:
    """What the way down by some rules needs of the way up, for N stimuli.

    ``switches`` holds for each max pooling the flat index of every window's maximum in its input,
    ``[N, C, h, w]``; ``inputs`` the inputs of those operations whose way down depends on them, of a
    rectification only where they are above 0; ``activations`` the values of the nodes asked for,
    ``[N, units, ...]``.
    """

    graph: Graph
    rules: frozenset[str]
    switches: dict[Node, Tensor]
    inputs: dict[Node, dict[Node, Tensor]]
    activations: dict[Node, Tensor]


def record(graph: Graph, inputs: Tensor, nodes: Iterable[Node], *rules: str) -> Recording:
    """Run the network once on ``[N, C, H, W]``, as far up as the highest of ``nodes``.

    What comes of it can be used to go down by any of ``rules``.
    """
    for rule in rules:
        behaviour(rule)  # or an error for people
    wanted = set(nodes)
    last = max(wanted, key=list(graph.operations).index)
    recording = Recording(graph, frozenset(rules), {}, {}, {})
    with torch.no_grad():
        for node, values in graph.run(inputs, until=last):
            operation = graph.operations.get(node)
            if operation is None:
                continue
            if depends_on_inputs(operation, recording.rules):
                rectifies = isinstance(operation.module, nn.ReLU)
                recording.inputs[node] = {
                    below: values[below] > 0 if rectifies else values[below]
                    for below in operation.inputs
                }
            elif isinstance(operation.module, MAX_POOLING):
                below = values[operation.inputs[0]]
                recording.switches[node] = _switches(operation.module, below)
            if node in wanted:
                recording.activations[node] = values[node]
    return recording


def joined(recordings: list[Recording]) -> Recording:
    """One recording of all the stimuli of several."""
    first = recordings[0]
    switches = {n: torch.cat([r.switches[n] for r in recordings]) for n in first.switches}
    activations = {n: torch.cat([r.activations[n] for r in recordings]) for n in first.activations}
    inputs = {
        n: {below: torch.cat([r.inputs[n][below] for r in recordings]) for below in first.inputs[n]}
        for n in first.inputs
    }
    return Recording(first.graph, first.rules, switches, inputs, activations)


def descend(recording: Recording, node: Node, signal: Window, of: Tensor, rule: str) -> Window:
    """Project B signals at a node down to the input, by one of the recording's rules.

    ``of`` is ``[B]``, the stimulus of the recording that each belongs to.
    """
    assert rule in recording.rules
    graph = recording.graph
    signals = {node: signal}
    down = list(graph.operations)
    with torch.no_grad():
        for here in reversed(down[: down.index(node) + 1]):
            if here not in signals:
                continue
            arriving, operation = signals.pop(here), graph.operations[here]
            if operation.kind == "input":
                return arriving
            parts = (
                None
                if arriving.is_whole
                else _down_locally(recording, operation, arriving, of, rule)
            )
            if parts is None:
                full = windows.whole(arriving, graph.shapes[here]).values
                parts = [(n, Window(v)) for n, v in _down(recording, operation, full, of, rule)]
            for below, part in parts:
                shape, have = graph.shapes[below], signals.get(below)
                clipped = windows.clipped(part, shape)
                signals[below] = clipped if have is None else windows.added(have, clipped, shape)
    # the layer doesn't depend on the input
    return Window(signal.values.new_zeros((len(signal.values), *graph.input_shape)))


def start(layer: Layer, values: Tensor, units: Tensor, positions: Tensor) -> Window:
    """All zero but one activation each, which keeps its value.

    ``values`` ``[B]`` are the activations of ``units`` ``[B]`` at ``positions`` ``[B, 2]`` (row,
    column) of the layer.
    """
    column = values.new_zeros((len(values), layer.units))
    column[torch.arange(len(values), device=values.device), units] = values
    return placed(layer, column, positions)


def placed(layer: Layer, column: Tensor, positions: Tensor) -> Window:
    """All zero but for one position: ``column`` ``[B, units]`` at ``positions`` ``[B, 2]``."""
    if layer.dims == (1, 2, 3):
        return Window(column[:, :, None, None], positions[:, 0], positions[:, 1])
    maps = column.new_zeros((len(column), *layer.shape))
    rows = torch.arange(len(column), device=column.device)
    maps[rows, :, positions[:, 0], positions[:, 1]] = column
    return Window(layer.value(maps))


def reconstruct(
    network: Network,
    stimulus: np.ndarray | Tensor | Image.Image,
    layer: str,
    unit: int,
    position: tuple[int, int],
    rule: str = "deconvnet",
) -> Tensor:
    """Project one activation of a stimulus down to pixels: ``[C, H, W]`` in the input frame.

    ``stimulus`` is the image in the network's input frame, ``[H, W, C]`` uint8; or the network's
    input itself, a tensor ``[C, H, W]``; or a PIL image, which is preprocessed first. The result
    is signed and in the units of the network's input: the normalisation is not undone. ``rule``
    names one of ``atlas.data.rules``, which differ only in what happens at a nonlinearity. Raises
    ``UsageError`` for a layer, unit, position or rule that doesn't exist.
    """
    place = network.layer(layer)
    units, height, width = place.shape
    row, column = position
    if not 0 <= unit < units:
        raise UsageError(f"{layer} has {units} units, so no unit {unit}")
    if not (0 <= row < height and 0 <= column < width):
        raise UsageError(f"{layer} has {height}x{width} positions, so none at ({row}, {column})")
    if isinstance(stimulus, Image.Image):
        stimulus = network.preprocessing.stimulus(stimulus)
    if isinstance(stimulus, Tensor):
        inputs = stimulus.to(network.device, network.graph.dtype)[None]
    else:
        inputs = network.inputs(stimulus[None])
    recording = record(network.graph, inputs, [place.node], rule)
    of = torch.zeros(1, dtype=torch.long, device=inputs.device)
    value = place.maps(recording.activations[place.node])[0, unit, row, column]
    at = torch.tensor([unit], device=inputs.device), torch.tensor([position], device=inputs.device)
    found = descend(recording, place.node, start(place, value[None], *at), of, rule)
    return windows.whole(found, network.graph.input_shape).values[0]


_LINEAR = (
    nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
    nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten,
)  # fmt: skip


def depends_on_inputs(operation: Operation, rules: frozenset[str]) -> bool:
    """Whether the way down past an operation by one of the rules asks what went into it."""
    if operation.is_nonlinearity:
        return any(behaviour(rule).needs_inputs for rule in rules)
    known = isinstance(operation.module, _LINEAR + MAX_POOLING)
    return not known and operation.kind in ("module", "product", "other")


_BOUNDED = (nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Softmax)


def _gate(graph: Graph, operation: Operation) -> Node | None:
    """Which factor of a product only scales the other, if one does.

    It has no positions of its own, or comes out of a bounded nonlinearity.
    """
    one, other = operation.inputs
    for small, large in ((one, other), (other, one)):
        if math.prod(graph.shapes[small][1:]) < math.prod(graph.shapes[large][1:]):
            return small
    bounded = [n for n in (one, other) if isinstance(graph.operations[n].module, _BOUNDED)]
    return bounded[0] if len(bounded) == 1 else None


def _switches(module: nn.Module, below: Tensor) -> Tensor:
    if isinstance(module, nn.AdaptiveMaxPool2d):
        size = module.output_size
        return F.adaptive_max_pool2d(below, size, return_indices=True)[1]  # type: ignore[call-overload]
    assert isinstance(module, nn.MaxPool2d)
    return F.max_pool2d(
        below,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        module.ceil_mode,
        return_indices=True,
    )[1]


def _down(
    recording: Recording, operation: Operation, signal: Tensor, of: Tensor, rule: str
) -> Iterable[tuple[Node, Tensor]]:
    """What a signal above an operation becomes below it, for each of its inputs."""
    graph, node, module = recording.graph, operation.node, operation.module
    shapes = [(len(signal), *graph.shapes[below]) for below in operation.inputs]
    if operation.kind == "output":
        return [(operation.inputs[0], signal)]
    if operation.kind == "sum":
        parts = [_unbroadcast(signal, shape) for shape in shapes]
        return list(zip(operation.inputs, parts, strict=True))
    if operation.kind == "product":
        gate = _gate(graph, operation)
        if gate is not None:
            (gated,) = (below for below in operation.inputs if below is not gate)
            return [(gated, signal * recording.inputs[node][gate][of])]
    if operation.kind == "concatenation":
        axis, slices = concatenation(node)
        sizes = [(0, *graph.shapes[below])[axis] for below in slices]
        return list(zip(slices, signal.split(sizes, axis), strict=True))
    if operation.is_nonlinearity:
        return [_past_nonlinearity(recording, operation, signal, rule, lambda at: at[of])]
    if isinstance(module, MAX_POOLING):
        whole = _whole(signal, shapes[0])
        part = unpooled(signal, *whole, recording.switches[node], of, shapes[0][3])
        return [(operation.inputs[0], part)]
    if isinstance(module, nn.Conv2d) and pads_with_zeros(module):
        if skips_zeros(graph, node):
            whole = _whole(signal, shapes[0])
            part = filtered_back(module, signal, *whole, graph.shapes[operation.inputs[0]])
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
    if isinstance(module, _LINEAR):  # its derivative is the same everywhere
        at = {operation.inputs[0]: signal.new_zeros(shapes[0])}
    else:
        at = {below: value[of] for below, value in recording.inputs[node].items()}
    return list(_adjoint(lambda values: graph.evaluate(node, values), at, signal).items())


def _scale(graph: Graph, operation: Operation, like: Tensor) -> Tensor:
    """What a batch norm multiplies each channel by, ``[1, C, 1, 1]``."""
    (below,) = operation.inputs
    one = like.new_ones((1, graph.shapes[below][0], 1, 1))
    return _adjoint(lambda v: graph.evaluate(operation.node, v), {below: one}, one)[below]


def _past_nonlinearity(
    recording: Recording,
    operation: Operation,
    signal: Tensor,
    rule: str,
    choose: Callable[[Tensor], Tensor],
) -> tuple[Node, Tensor]:
    """What a signal above a nonlinearity becomes below it, by a rule.

    ``choose`` takes what is recorded of all stimuli and returns the part that lies where the
    signals do.
    """
    (below,) = operation.inputs

    def gradient(values: Tensor) -> Tensor:
        at = choose(recording.inputs[operation.node][below])
        return _times_derivative(recording.graph, operation, at, values)

    return below, behaviour(rule).pass_down(signal, gradient)


def _times_derivative(graph: Graph, operation: Operation, at: Tensor, signal: Tensor) -> Tensor:
    """A signal times the derivative of a nonlinearity at its input; of a ReLU ``at`` is that."""
    if isinstance(operation.module, nn.ReLU):
        return signal * at
    (below,) = operation.inputs
    return _adjoint(lambda v: graph.evaluate(operation.node, v), {below: at}, signal)[below]


def _down_locally(
    recording: Recording, operation: Operation, signal: Window, of: Tensor, rule: str
) -> list[tuple[Node, Window]] | None:
    """The same for a signal known in a window only; None where that is not worth a rule."""
    graph, module = recording.graph, operation.module
    values = signal.values
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
        (gated,) = (below for below in operation.inputs if below is not gate)
        held = recording.inputs[operation.node][gate][of]
        return [(gated, replace(signal, values=values * held))]
    if len(operation.inputs) != 1 or len(own) != 3:
        return None
    (below,) = operation.inputs
    if operation.is_nonlinearity:
        _, passed = _past_nonlinearity(
            recording,
            operation,
            values,
            rule,
            lambda at: windows.gathered(at, of, signal.span),
        )
        return [(below, replace(signal, values=passed))]
    if isinstance(module, nn.BatchNorm2d):
        return [(below, replace(signal, values=values * _scale(graph, operation, values)))]
    if isinstance(module, nn.Conv2d) and pads_with_zeros(module):
        span = span_below(module, signal.span)
        if skips_zeros(graph, operation.node):
            spread = filtered_back(module, values, signal.span, span, graph.shapes[below])
            return [(below, Window(spread, span.top, span.left, inside=True))]
        spread = F.conv_transpose2d(
            values, module.weight, None, module.stride, 0, 0, module.groups, module.dilation
        )
        return [(below, Window(spread, span.top, span.left))]
    if isinstance(module, nn.MaxPool2d):
        span, switches = span_below(module, signal.span), recording.switches[operation.node]
        part = unpooled(values, signal.span, span, switches, of, graph.shapes[below][2])
        return [(below, Window(part, span.top, span.left, inside=True))]
    if isinstance(module, nn.AvgPool2d):
        share = shares(module, graph.shapes[below], values)
        index = torch.zeros_like(of)
        spread = values * windows.gathered(share, index, signal.span)
        ones = values.new_ones((own[0], 1, *pair(module.kernel_size)))
        spread = F.conv_transpose2d(spread, ones, None, module.stride, 0, 0, own[0])
        span = span_below(module, signal.span)
        return [(below, Window(spread, span.top, span.left))]
    return None


def _whole(signal: Tensor, below: tuple[int, ...]) -> tuple[Span, Span]:
    """Where a whole signal lies, and what comes of it in a tensor of that shape."""
    above, under = (windows.all_of(shape, signal.device) for shape in (signal.shape, below))
    return above, under


def _adjoint(
    function: Callable[[dict[Node, Tensor]], Tensor], at: dict[Node, Tensor], signal: Tensor
) -> dict[Node, Tensor]:
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
    """Sum over the axes along which a term of a sum was repeated."""
    for axis, (above, below) in enumerate(zip(signal.shape, shape, strict=True)):
        if above != below:
            signal = signal.sum(axis, keepdim=True)
    return signal
