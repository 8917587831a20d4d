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
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from atlas.errors import UsageError
from atlas.graph import Graph, Node, Operation, concatenation
from atlas.network import Network

RULES = ("deconvnet", "guided", "gradient")


@dataclass(frozen=True)
class Recording:
    """What the way down needs of the way up, for N stimuli.

    ``switches`` holds for each max pooling the flat index of every window's maximum in its input,
    ``[N, C, h, w]``; ``inputs`` the inputs of those operations whose way down depends on them;
    ``activations`` the values of the nodes asked for, ``[N, units, ...]``.
    """

    graph: Graph
    rule: str
    switches: dict[Node, Tensor]
    inputs: dict[Node, dict[Node, Tensor]]
    activations: dict[Node, Tensor]


def record(graph: Graph, inputs: Tensor, nodes: Iterable[Node], rule: str) -> Recording:
    """Run the network once on ``[N, C, H, W]``, as far up as the highest of ``nodes``."""
    if rule not in RULES:
        raise UsageError(f"unknown rule {rule!r}: choose one of {', '.join(RULES)}")
    wanted = set(nodes)
    last = max(wanted, key=list(graph.operations).index)
    recording = Recording(graph, rule, {}, {}, {})
    with torch.no_grad():
        for node, values in graph.run(inputs, until=last):
            operation = graph.operations.get(node)
            if operation is None:
                continue
            if _depends_on_inputs(operation, rule):
                recording.inputs[node] = {below: values[below] for below in operation.inputs}
            elif isinstance(operation.module, _MAX_POOLING):
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
    return Recording(first.graph, first.rule, switches, inputs, activations)


def descend(recording: Recording, node: Node, signal: Tensor, of: Tensor) -> Tensor:
    """Project B signals ``[B, units, ...]`` at a node down to the input, ``[B, C, H, W]``.

    ``of`` is ``[B]``, the stimulus of the recording that each belongs to.
    """
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
            for below, part in _down(recording, operation, arriving, of):
                signals[below] = signals[below] + part if below in signals else part
    shape = graph.input_shape  # the layer doesn't depend on the input
    return signal.new_zeros((len(signal), *shape))


def start(maps: Tensor, of: Tensor, units: Tensor, positions: Tensor) -> Tensor:
    """All zero but one activation each, which keeps its value: ``[B, units, H, W]``.

    ``maps`` are the layer's feature maps ``[N, units, H, W]``; ``positions`` ``[B, 2]`` (row,
    column).
    """
    signal = maps.new_zeros((len(of), *maps.shape[1:]))
    at = units, positions[:, 0], positions[:, 1]
    signal[(torch.arange(len(of), device=of.device), *at)] = maps[(of, *at)]
    return signal


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
    is "deconvnet" (section 2.1 of the paper), "guided" (Springenberg et al. 2015) or "gradient"
    (Simonyan et al. 2014); they differ only in what happens at a nonlinearity. Raises
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
    signal = start(
        place.maps(recording.activations[place.node]),
        of,
        torch.tensor([unit], device=inputs.device),
        torch.tensor([position], device=inputs.device),
    )
    return descend(recording, place.node, place.value(signal), of)[0]


_MAX_POOLING = (nn.MaxPool2d, nn.AdaptiveMaxPool2d)
_LINEAR = (
    nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
    nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten,
)  # fmt: skip


def _depends_on_inputs(operation: Operation, rule: str) -> bool:
    if operation.is_nonlinearity:
        return rule != "deconvnet"
    known = isinstance(operation.module, _LINEAR + _MAX_POOLING)
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


def _pads_with_zeros(module: nn.Conv2d) -> bool:
    return module.padding_mode == "zeros" and not isinstance(module.padding, str)


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
    recording: Recording, operation: Operation, signal: Tensor, of: Tensor
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
    if operation.is_nonlinearity and recording.rule == "deconvnet":
        return [(operation.inputs[0], signal.relu())]
    if isinstance(module, _MAX_POOLING):
        return [(operation.inputs[0], _unpool(signal, recording.switches[node][of], shapes[0]))]
    if isinstance(module, nn.Conv2d) and _pads_with_zeros(module):
        part = conv2d_input(
            list(shapes[0]), module.weight, signal,
            module.stride, module.padding, module.dilation, module.groups,
        )  # fmt: skip
        return [(operation.inputs[0], part)]
    if isinstance(module, nn.Linear):
        return [(operation.inputs[0], signal @ module.weight)]
    if isinstance(module, _LINEAR):  # its derivative is the same everywhere
        at = {operation.inputs[0]: signal.new_zeros(shapes[0])}
    else:
        at = {below: value[of] for below, value in recording.inputs[node].items()}
    through = _adjoint(lambda values: graph.evaluate(node, values), at, signal)
    if operation.is_nonlinearity and recording.rule == "guided":
        through = {below: part.relu() for below, part in through.items()}
    return list(through.items())


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


def _unpool(signal: Tensor, switches: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Put each signal where its window found its maximum; signals that share a place add."""
    below = signal.new_zeros((*shape[:2], shape[2] * shape[3]))
    below.scatter_add_(2, switches.flatten(2), signal.flatten(2))
    return below.view(shape)


def _unbroadcast(signal: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sum over the axes along which a term of a sum was repeated."""
    for axis, (above, below) in enumerate(zip(signal.shape, shape, strict=True)):
        if above != below:
            signal = signal.sum(axis, keepdim=True)
    return signal
