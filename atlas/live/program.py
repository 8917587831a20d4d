"""A network as a list of steps that a page can run: convolutions, poolings and the like.

Batch norms are folded into the convolutions before them, and linear layers become convolutions of
one position. What the page's program can't compute is refused by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from atlas.data.live import LiveLayer, Program, Step
from atlas.errors import AtlasError
from atlas.networks import operations as ops
from atlas.networks.calls import argument
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Node, Operation

HUGE = 2.0**100  # so large that what is added to it vanishes

# functions of one number, with the names of the arguments that they need besides
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "relu": (), "relu6": (), "silu": (), "hardswish": (), "sigmoid": (), "hardsigmoid": (),
    "tanh": (), "leaky_relu": ("negative_slope",), "hardtanh": ("min_val", "max_val"),
}  # fmt: skip
RESHAPES = ("flatten", "view", "_unsafe_view", "reshape", "squeeze", "unsqueeze", "unflatten")


class NotLive(AtlasError):
    """A network that the page can't run; the message says what it lacks."""


@dataclass
class _Writer:
    """The steps and tensors written so far, and the value of each node."""

    graph: Graph
    steps: list[Step] = field(default_factory=list)
    tensors: list[np.ndarray] = field(default_factory=list)
    value: dict[Node, int] = field(default_factory=dict)

    def shape(self, node: Node) -> tuple[int, int, int]:
        """The shape of a node's value, as (channels, height, width)."""
        shape = self.graph.shapes[node]
        if len(shape) not in (1, 3):
            where = self.graph.operations[node].where
            raise NotLive(
                f"it can't compute {where}, whose values have {len(shape) + 1} dimensions"
            )
        return (*shape, 1, 1) if len(shape) == 1 else shape  # type: ignore[return-value]

    def tensor(self, values: Tensor | np.ndarray) -> int:
        """Keep numbers, and return their place."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        self.tensors.append(np.ascontiguousarray(array, np.float32))
        return len(self.tensors) - 1

    def add(self, operation: Operation, kind: str, **more: Any) -> None:
        """Add the step of an operation."""
        inputs = more.pop("inputs", operation.inputs)
        values = tuple(self.value[node] for node in inputs)
        self.steps.append(Step(kind, values, self.shape(operation.node), **more))
        self.value[operation.node] = len(self.steps)


def program_of(network: Network, layers: Sequence[Layer]) -> tuple[Program, list[np.ndarray]]:
    """The steps that compute some layers and the network's scores, and the tensors they need.

    Tensors are float32, filters ``[O, I / groups, h, w]``. Raises ``NotLive`` for a network that
    has an operation which the page can't run.
    """
    graph = network.graph
    wanted = [layer.node for layer in layers]
    scores = network.scores
    last = [*wanted, *([scores] if scores else [])]
    needed = {operation.node for operation in graph.below(*last)}
    writer = _Writer(graph)
    folded = _folded(graph, needed, frozenset(wanted))
    for node, operation in graph.operations.items():
        if node not in needed:
            continue
        if isinstance(operation, ops.Input):
            writer.value[node] = 0
        elif node in folded:  # a batch norm whose convolution has its numbers
            writer.value[node] = writer.value[operation.inputs[0]]
        else:
            write = _WRITERS.get(type(operation))
            if write is None:
                raise NotLive(f"it can't compute {operation.where}")
            write(writer, operation)
    for layer in layers:
        if layer.dims not in ((1, 2, 3), (1,)):
            raise NotLive(f"the units of {layer.id} don't stand where it expects them")
    program = Program(
        graph.input_shape,
        tuple(writer.steps),
        tuple(tensor.shape for tensor in writer.tensors),
        tuple(LiveLayer(layer.id, writer.value[layer.node]) for layer in layers),
        writer.value[scores] if scores else None,
    )
    return program, writer.tensors


def _folded(graph: Graph, needed: set[Node], wanted: frozenset[Node]) -> set[Node]:
    """The batch norms that come right after a convolution whose value nothing else reads."""
    uses = Counter(below for node in needed for below in graph.operations[node].inputs)
    return {
        node
        for node in needed
        if isinstance(graph.operations[node], ops.BatchNorm)
        and isinstance(graph.operations[below := graph.operations[node].inputs[0]], ops.Convolution)
        and uses[below] == 1
        and below not in wanted
    }


def _scale(graph: Graph, norm: Operation) -> tuple[Tensor, Tensor]:
    """What a batch norm multiplies each channel by and adds: ``[C]`` each, float64."""
    (below,) = norm.inputs
    shape = (2, *graph.shapes[below])
    probes = torch.zeros(shape, dtype=graph.dtype, device=graph.device)
    probes[1] = HUGE
    with torch.inference_mode():
        found = graph.evaluate(norm.node, {below: probes}).reshape(2, shape[1], -1)[:, :, 0]
    return found[1].double() / HUGE, found[0].double()


def _convolution(writer: _Writer, operation: ops.Convolution) -> None:
    window = operation.window
    weight = operation.weight.detach().double()
    bias = torch.zeros(len(weight)) if operation.bias is None else operation.bias.detach()
    bias = bias.double()
    norm = next(
        (one for one in writer.graph.operations.values()
         if isinstance(one, ops.BatchNorm) and one.inputs == (operation.node,)),
        None,
    )  # fmt: skip
    if norm is not None and _is_only_use(writer.graph, operation.node):
        factor, shift = _scale(writer.graph, norm)
        weight = weight * factor.view(-1, 1, 1, 1).to(weight.device)
        bias = bias * factor.to(bias.device) + shift.to(bias.device)
    writer.add(
        operation,
        "conv",
        kernel=window.kernel,
        stride=window.stride,
        before=window.padding,
        after=operation.after,
        dilation=window.dilation,
        groups=operation.groups,
        weight=writer.tensor(weight),
        bias=writer.tensor(bias),
    )


def _is_only_use(graph: Graph, node: Node) -> bool:
    return sum(node in one.inputs for one in graph.operations.values()) == 1


def _linear(writer: _Writer, operation: ops.Linear) -> None:
    if len(writer.graph.shapes[operation.inputs[0]]) != 1:
        raise NotLive(f"it can't compute {operation.where} along one of several dimensions")
    weight = operation.weight.detach()[:, :, None, None]
    bias = torch.zeros(len(weight)) if operation.bias is None else operation.bias
    writer.add(operation, "conv", weight=writer.tensor(weight), bias=writer.tensor(bias))


def _norm(writer: _Writer, operation: ops.BatchNorm) -> None:
    factor, shift = _scale(writer.graph, operation)
    writer.add(operation, "affine", factor=writer.tensor(factor), bias=writer.tensor(shift))


def _nonlinearity(writer: _Writer, operation: ops.Nonlinearity) -> None:
    names = FUNCTIONS.get(operation.name)
    if names is None:
        raise NotLive(f"it can't compute {operation.where}")
    given = [argument(operation.node, name) for name in names]
    writer.add(operation, "function", function=operation.name, numbers=tuple(map(float, given)))


def _max(writer: _Writer, operation: ops.MaxPooling) -> None:
    window = operation.window
    writer.add(
        operation, "max",
        kernel=window.kernel, stride=window.stride, before=window.padding,
        dilation=window.dilation,
    )  # fmt: skip


def _average(writer: _Writer, operation: ops.AveragePooling) -> None:
    window = operation.window
    if window.ceil_mode and operation.counts_padding and operation.divisor is None:
        raise NotLive(f"it can't compute {operation.where} with the ceiling of its size")
    counts = float(operation.divisor or (-1 if operation.counts_padding else 0))
    writer.add(
        operation, "average",
        kernel=window.kernel, stride=window.stride, before=window.padding, numbers=(counts,),
    )  # fmt: skip


def _adaptive(writer: _Writer, operation: Operation) -> None:
    writer.add(operation, "adaptive")


def _resampling(writer: _Writer, operation: Operation) -> None:
    below = writer.graph.shapes[operation.inputs[0]]
    dims = argument(operation.node, "dim") if operation.name == "mean" else None
    whole = isinstance(dims, list | tuple) and {d % 4 for d in dims} == {2, 3}
    if len(below) != 3 or not whole:
        raise NotLive(f"it can't compute {operation.where}")
    writer.add(operation, "adaptive")


def _same(writer: _Writer, operation: Operation) -> None:
    writer.add(operation, "same")


def _rearrangement(writer: _Writer, operation: Operation) -> None:
    if operation.name not in RESHAPES:
        raise NotLive(f"it can't compute {operation.where}")
    writer.add(operation, "same")


def _sum(writer: _Writer, operation: Operation) -> None:
    shapes = {writer.graph.shapes[below] for below in operation.inputs}
    if len(operation.inputs) != 2 or len(shapes) != 1 or operation.name != "add":
        raise NotLive(f"it can't compute {operation.where} of values of several sizes")
    writer.add(operation, "sum")


def _product(writer: _Writer, operation: ops.Product) -> None:
    if len(operation.inputs) == 1 and isinstance(operation.factor, int | float):
        writer.add(operation, "scale", numbers=(float(operation.factor),))
        return
    gate = operation.gate
    if gate is None or isinstance(operation, ops.Quotient):
        raise NotLive(f"it can't compute {operation.where}")
    (gated,) = [below for below in operation.inputs if below is not gate]
    small, own = writer.shape(gate), writer.shape(operation.node)
    if writer.shape(gated) != own or small not in (own, (own[0], 1, 1)):
        raise NotLive(f"it can't compute {operation.where} of values of these sizes")
    writer.add(operation, "gate", inputs=(gated, gate))


def _concatenation(writer: _Writer, operation: ops.Concatenation) -> None:
    if operation.axis != 1:
        raise NotLive(f"it can't compute {operation.where} along rows or columns")
    writer.add(operation, "concat", inputs=operation.parts)


def _padding(writer: _Writer, operation: ops.Padding) -> None:
    if operation.value:
        raise NotLive(f"it can't compute {operation.where} with numbers other than 0")
    writer.add(operation, "pad", before=operation.window.padding)


_WRITERS: dict[type[Operation], Callable[[_Writer, Any], None]] = {
    ops.Convolution: _convolution,
    ops.Linear: _linear,
    ops.BatchNorm: _norm,
    ops.Nonlinearity: _nonlinearity,
    ops.MaxPooling: _max,
    ops.AveragePooling: _average,
    ops.AdaptiveAveragePooling: _adaptive,
    ops.Resampling: _resampling,
    ops.Identity: _same,
    ops.Rearrangement: _rearrangement,
    ops.Sum: _sum,
    ops.Product: _product,
    ops.Concatenation: _concatenation,
    ops.Padding: _padding,
}
