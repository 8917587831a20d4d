"""A network as a graph of operations, traced by torch.fx, and walked; there are no hooks.

The walk runs on a *twin*: a copy of the model that shares its parameters but never works in
place, so that a value, once computed, stays what it was. The model handed in is not touched.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from atlas import receptive_fields as rf
from atlas.errors import AtlasError

Node = fx.Node
Pair = tuple[int, int]

NONLINEARITIES = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Hardswish, nn.Hardtanh, nn.Softplus, nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Softsign,
    nn.LogSigmoid, nn.Threshold,
)  # fmt: skip

# Functions that are modules by another name: each call is read as the module it stands for.
_AS_MODULE: dict[Any, Callable[..., nn.Module]] = {
    F.relu: lambda inplace=False: nn.ReLU(),
    torch.relu: lambda: nn.ReLU(),
    torch.relu_: lambda: nn.ReLU(),
    "relu": lambda: nn.ReLU(),
    "relu_": lambda: nn.ReLU(),
    F.relu6: lambda inplace=False: nn.ReLU6(),
    F.silu: lambda inplace=False: nn.SiLU(),
    F.gelu: lambda approximate="none": nn.GELU(approximate),
    F.hardswish: lambda inplace=False: nn.Hardswish(),
    F.leaky_relu: lambda negative_slope=0.01, inplace=False: nn.LeakyReLU(negative_slope),
    F.elu: lambda alpha=1.0, inplace=False: nn.ELU(alpha),
    F.mish: lambda inplace=False: nn.Mish(),
    F.softplus: lambda beta=1.0, threshold=20.0: nn.Softplus(beta, threshold),
    F.hardsigmoid: lambda inplace=False: nn.Hardsigmoid(),
    torch.sigmoid: lambda: nn.Sigmoid(),
    "sigmoid": lambda: nn.Sigmoid(),
    torch.tanh: lambda: nn.Tanh(),
    "tanh": lambda: nn.Tanh(),
    F.max_pool2d: lambda *a, return_indices=False, **k: nn.MaxPool2d(*a, **k),
    torch.max_pool2d: lambda *a, **k: nn.MaxPool2d(*a, **k),
    F.avg_pool2d: lambda *a, **k: nn.AvgPool2d(*a, **k),
    F.adaptive_avg_pool2d: lambda output_size: nn.AdaptiveAvgPool2d(output_size),
    F.adaptive_max_pool2d: lambda output_size: nn.AdaptiveMaxPool2d(output_size),
    F.dropout: lambda *a, **k: nn.Identity(),
    F.dropout2d: lambda *a, **k: nn.Identity(),
    "contiguous": lambda **k: nn.Identity(),
}

_SUMS = {operator.add, operator.iadd, torch.add, "add", "add_"}
_CONCATENATIONS = {torch.cat, torch.concat, torch.concatenate}
_OUT_OF_PLACE = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}


@dataclass(frozen=True)
class Operation:
    """What one node does.

    ``kind`` is "input", "module", "sum", "concatenation", "other" or "output"; for "module",
    ``module`` is the module called, or the one that the called function stands for.
    """

    node: Node
    kind: str
    inputs: tuple[Node, ...]
    module: nn.Module | None = None

    @property
    def is_nonlinearity(self) -> bool:
        """Whether this is a pointwise nonlinearity."""
        return isinstance(self.module, NONLINEARITIES)


def pair(value: int | tuple[int, ...]) -> Pair:
    """A number for both axes, or one for each, as (rows, columns)."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


class Graph:
    """The operations of a model in order of execution, with the shape of every value.

    ``input_shape`` is ``(channels, height, width)``. Raises ``AtlasError`` when the model can't
    be traced, or can't be run on an input of that shape.
    """

    def __init__(self, model: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self.input_shape = input_shape
        self._twin = _functional_twin(model)
        self.operations = {
            node: operation for node, operation in _operations(self._twin) if node.op != "get_attr"
        }
        self._last_use = _last_uses(self._twin.graph)
        self._model = model
        probe = torch.zeros((1, *input_shape), dtype=self.dtype, device=self.device)
        self.shapes: dict[Node, tuple[int, ...]] = {}
        try:
            with torch.no_grad():
                for node, values in self.run(probe):
                    if isinstance(values[node], Tensor):
                        self.shapes[node] = tuple(values[node].shape[1:])
        except (RuntimeError, ValueError, IndexError) as error:
            channels, height, width = input_shape
            reason = str(error).splitlines()[0]
            raise AtlasError(
                f"the network can't be run on a {height}x{width} input of {channels} channels: "
                f"{reason}"
            ) from error

    @property
    def dtype(self) -> torch.dtype:
        """The kind of number it computes with: that of its first parameter."""
        parameter = next(self._model.parameters(), None)
        return torch.float32 if parameter is None else parameter.dtype

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        parameter = next(self._model.parameters(), None)
        return torch.device("cpu") if parameter is None else parameter.device

    def run(
        self, inputs: Tensor, until: Node | None = None
    ) -> Iterator[tuple[Node, dict[Node, Any]]]:
        """Run the network on ``[N, C, H, W]``, giving each node as it is computed, and the values.

        The values are the node's own, its inputs', and those that a later node needs: a value
        is dropped after its last use, so the walk holds no more than a forward pass does. Stops
        after ``until``.
        """
        values: dict[Node, Any] = {}
        for node in self._twin.graph.nodes:
            values[node] = self.evaluate(node, values, inputs)
            yield node, values
            if node is until:
                return
            for used in self._last_use.get(node, ()):
                del values[used]

    def evaluate(self, node: Node, values: dict[Node, Any], inputs: Tensor | None = None) -> Any:
        """The value of one node from the values of those before it."""
        if node.op == "placeholder":
            return inputs if inputs is not None else values[node]
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: values[n])
        if node.op == "get_attr":
            find = operator.attrgetter(str(node.target))
            try:
                return find(self._model)
            except AttributeError:  # a constant that tracing itself made
                return find(self._twin)
        if node.op == "call_module":
            return self._twin.get_submodule(str(node.target))(*args, **kwargs)
        if node.op == "call_function":
            assert callable(node.target)
            return node.target(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        return args[0]

    def receptive_fields(self) -> dict[Node, rf.ReceptiveField]:
        """The receptive field of every node whose value has positions."""
        _, height, width = self.input_shape
        fields: dict[Node, tuple[rf.Axis, rf.Axis]] = {}
        for node, operation in self.operations.items():
            if node not in self.shapes:
                continue
            if operation.kind == "input":
                fields[node] = rf.pixels(height), rf.pixels(width)
                continue
            below = [fields[n] for n in operation.inputs if n in fields]
            if below:
                rows, columns = (
                    self._axis(operation, axis, [pair_[axis] for pair_ in below]) for axis in (0, 1)
                )
                fields[node] = rows, columns
        return {node: rf.ReceptiveField(*axes) for node, axes in fields.items()}

    def _axis(self, operation: Operation, axis: int, below: list[rf.Axis]) -> rf.Axis:
        shape = self.shapes[operation.node]
        outputs = shape[1 + axis] if len(shape) == 3 else 1
        module = operation.module
        joined = below[0]
        for other in below[1:]:
            joined = rf.union(joined, other)
        if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            kernel = pair(module.kernel_size)[axis]
            stride = pair(module.stride)[axis]
            dilation = pair(getattr(module, "dilation", 1))[axis]
            if isinstance(module.padding, str):
                same = module.padding == "same"
                padding = dilation * (kernel - 1) // 2 if same else 0
            else:
                padding = pair(module.padding)[axis]
            if getattr(module, "padding_mode", "zeros") != "zeros":
                return rf.whole(joined, outputs)
            return rf.window(joined, outputs, kernel, stride, padding, dilation)
        if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
            return rf.adaptive(joined, outputs)
        pointwise = operation.is_nonlinearity or isinstance(
            module, nn.BatchNorm2d | nn.Dropout | nn.Dropout2d | nn.Identity
        )
        if len(shape) == 3 and (pointwise or operation.kind in ("sum", "concatenation", "output")):
            return joined
        return rf.whole(joined, outputs)


def _functional_twin(model: nn.Module) -> fx.GraphModule:
    """A traced copy in evaluation mode that shares the model's tensors and never works in place."""
    shared = [held for m in model.modules() for held in (m._parameters, m._buffers)]
    twin = copy.deepcopy(model, {id(held): held for held in shared}).eval()
    for module in twin.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    try:
        traced = fx.symbolic_trace(twin)
    except Exception as error:  # whatever the model's own code raised while being traced
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise AtlasError(
            f"{type(model).__name__} can't be traced by torch.fx: {reason}{_where(error)}"
        ) from error
    for node in traced.graph.nodes:
        if node.op == "call_function":
            node.target = _OUT_OF_PLACE.get(node.target, node.target)
        if node.op == "call_method" and node.target.endswith("_"):
            plain = node.target.rstrip("_")
            if not node.target.startswith("__") and hasattr(Tensor, plain):
                node.target = plain
        if node.kwargs.get("inplace"):
            node.kwargs = {**node.kwargs, "inplace": False}
    return traced


def _where(error: BaseException) -> str:
    """The last line of the model's own code that an error came through."""
    place, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "torch/fx" not in code.co_filename and "torch/nn" not in code.co_filename:
            place = f" ({code.co_filename}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return place if "atlas/graph" not in place else ""


def _operations(twin: fx.GraphModule) -> Iterator[tuple[Node, Operation]]:
    for node in twin.graph.nodes:
        inputs = tuple(node.all_input_nodes)
        if node.op == "placeholder":
            yield node, Operation(node, "input", ())
        elif node.op == "output":
            yield node, Operation(node, "output", inputs)
        elif node.op == "call_module":
            yield node, Operation(node, "module", inputs, twin.get_submodule(node.target))
        elif node.target in _SUMS and len(inputs) == 2 and not node.kwargs:
            yield node, Operation(node, "sum", inputs)
        elif node.target in _CONCATENATIONS:
            yield node, Operation(node, "concatenation", inputs)
        elif node.target in _AS_MODULE and len(inputs) == 1 and node.args[:1] == inputs:
            module = _AS_MODULE[node.target](*node.args[1:], **node.kwargs)
            yield node, Operation(node, "module", inputs, module.eval())
        else:
            yield node, Operation(node, "other", inputs)


def _last_uses(graph: fx.Graph) -> dict[Node, list[Node]]:
    """For each node, the values that nothing after it needs."""
    last = {used: node for node in graph.nodes for used in node.all_input_nodes}
    found: dict[Node, list[Node]] = {}
    for used, node in last.items():
        found.setdefault(node, []).append(used)
    return found


def concatenation(node: Node) -> tuple[int, tuple[Node, ...]]:
    """The axis along which a concatenation joins, and what it joins, in order."""
    slices = node.kwargs.get("tensors", node.args[0] if node.args else ())
    axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    assert isinstance(axis, int) and isinstance(slices, (list, tuple))
    return axis, tuple(n for n in slices if isinstance(n, Node))
