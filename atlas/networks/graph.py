"""A network as a graph of operations, traced by torch.fx and run node by node, without hooks.

What runs is a *traced copy*: it shares the model's parameters but never works in place, so a value
that was computed stays as it is. The model itself is never changed.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from atlas.errors import UsageError, first_line
from atlas.networks import receptive_fields as rf
from atlas.networks.probing import Reach, depends, probe, window_of
from atlas.networks.tracing import traced_copy

Node = fx.Node
Pair = tuple[int, int]
Step = Callable[[dict[Node, Any]], Any]  # computes a node's value from the values before it

NONLINEARITIES = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Hardswish, nn.Hardtanh, nn.Softplus, nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Softsign,
    nn.LogSigmoid, nn.Threshold,
)  # fmt: skip

# Functions that do what a module does: each call is read as that module.
_AS_MODULE: dict[Any, Callable[..., nn.Module]] = {
    F.relu: lambda inplace=False: nn.ReLU(),
    torch.relu: lambda: nn.ReLU(),
    "relu": lambda: nn.ReLU(),
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

_SUMS = {operator.add, torch.add, "add"}
_PRODUCTS = {operator.mul, torch.mul, torch.multiply, "mul"}
_CONCATENATIONS = {torch.cat, torch.concat, torch.concatenate}


@dataclass(frozen=True)
class Operation:
    """The operation of a node whose value is a tensor.

    ``kind`` is "input", "module", "sum", "product", "concatenation", "other" or "output". For
    "module", ``module`` is the module that is called, or that does what the called function does.
    ``inputs`` are the nodes with tensors from which the value is computed, directly or through
    sizes and tuples.
    """

    node: Node
    kind: str
    inputs: tuple[Node, ...]
    module: nn.Module | None = None

    @property
    def is_nonlinearity(self) -> bool:
        """Whether this is a pointwise nonlinearity."""
        return isinstance(self.module, NONLINEARITIES)

    @property
    def is_pointwise(self) -> bool:
        """Whether every position of its output depends on the same position of its input alone."""
        return self.is_nonlinearity or isinstance(self.module, _POINTWISE)


def pair(value: int | tuple[int, ...]) -> Pair:
    """The numbers of both axes, (rows, columns), of one number or two."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


class Graph:
    """The operations of a model in order of execution, with the shapes and fields of their values.

    ``input_shape`` is ``(channels, height, width)``. For each node of ``operations``, ``shapes``
    holds the shape of its value for one image, without the batch; ``fields`` holds the receptive
    fields of its rows and columns; ``dims`` holds the dimensions of its value (counted with the
    batch) that are rows and columns, None where the value has no positions. ``fields`` and ``dims``
    lack the nodes that don't depend on the image.

    Raises ``AtlasError`` if the model can't be traced, and ``UsageError`` if it can't be run on
    such an input.
    """

    def __init__(self, model: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self.input_shape = input_shape
        self._model = model
        self._traced = traced_copy(model)
        self._last_use: dict[Node, list[Node]] = {}
        self.operations: dict[Node, Operation] = {}
        self.shapes: dict[Node, tuple[int, ...]] = {}
        self.fields: dict[Node, rf.Axes] = {}
        self.dims: dict[Node, tuple[int, int] | None] = {}
        probe = torch.zeros((1, *input_shape), dtype=self.dtype, device=self.device)
        tensors: set[Node] = set()
        try:
            with torch.no_grad():
                for node, values in self.run(probe):
                    if isinstance(values[node], Tensor) and node.op != "get_attr":
                        tensors.add(node)
                        self._add(self._operation(node, tensors), values)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            channels, height, width = input_shape
            raise UsageError(
                f"the network can't be run on a {height}x{width} input of {channels} channels: "
                f"{first_line(error)}"
            ) from error
        self._last_use = self._last_uses()

    def changed(self, change: Callable[[str, nn.Module], None]) -> Graph:
        """The same graph on copies of its modules, after ``change(path, module)`` of each copy.

        Its nodes are the same objects, so a recording of one graph can be used with the other.
        """
        other = copy.copy(self)
        other._model = other._traced = copy.deepcopy(self._traced)
        for path, module in other._traced.named_modules():
            change(path, module)
        other.operations = {
            node: replace(operation, module=other._traced.get_submodule(str(node.target)))
            if node.op == "call_module"
            else operation
            for node, operation in self.operations.items()
        }
        return other

    @property
    def traced(self) -> fx.GraphModule:
        """The traced copy: its nodes, and the modules that they call."""
        return self._traced

    @property
    def stored(self) -> Collection[str]:
        """The names of the tensors in the model's state dict."""
        return self._model.state_dict().keys()

    @property
    def dtype(self) -> torch.dtype:
        """The type of its numbers: that of its first parameter; float32 without parameters."""
        parameter = next(self._model.parameters(), None)
        return torch.float32 if parameter is None else parameter.dtype

    @property
    def footprint(self) -> int:
        """The bytes of all its values for one image together."""
        numbers = sum(math.prod(shape) for shape in self.shapes.values())
        return numbers * self.dtype.itemsize

    @property
    def device(self) -> torch.device:
        """The device of its first parameter; the CPU without parameters."""
        parameter = next(self._model.parameters(), None)
        return torch.device("cpu") if parameter is None else parameter.device

    def run(
        self,
        inputs: Tensor,
        *,
        until: Node | None = None,
        instead: Mapping[Node, Step] | None = None,
    ) -> Iterator[tuple[Node, dict[Node, Any]]]:
        """Run the network on ``[N, C, H, W]`` and yield each node when it is computed, with values.

        The values are the node's own, its inputs', and those that a later node needs. A value is
        dropped after its last use, so no more memory is used than in a forward pass. The run stops
        after ``until``. The steps of ``instead`` compute their nodes' values in another way.
        """
        values: dict[Node, Any] = {}
        steps = instead or {}
        for node in self._traced.graph.nodes:
            step = steps.get(node)
            values[node] = step(values) if step else self.evaluate(node, values, inputs)
            yield node, values
            if node is until:
                return
            for used in self._last_use.get(node, ()):
                values.pop(used, None)

    def evaluate(self, node: Node, values: dict[Node, Any], inputs: Tensor | None = None) -> Any:
        """The value of one node, computed from the values of its inputs.

        Sizes, tuples and parameters are computed too where ``values`` lacks them.
        """
        if node.op == "placeholder":
            return inputs if inputs is not None else values[node]
        if node.op == "get_attr":
            return self.attribute(node)

        def value(of: Node) -> Any:
            return values[of] if of in values else self.evaluate(of, values, inputs)

        args, kwargs = fx.node.map_arg((node.args, node.kwargs), value)
        if node.op == "call_module":
            return self._traced.get_submodule(str(node.target))(*args, **kwargs)
        if node.op == "call_function":
            assert callable(node.target)
            return node.target(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        return args[0]

    def attribute(self, node: Node) -> Any:
        """The tensor, or whatever else, that a node of the kind "get_attr" stands for."""
        find = operator.attrgetter(str(node.target))
        try:
            return find(self._model)
        except AttributeError:  # a constant that tracing itself made
            return find(self._traced)

    def _operation(self, node: Node, tensors: set[Node]) -> Operation:
        inputs = tuple(dict.fromkeys(_sources(node, tensors)))
        if node.op == "placeholder":
            return Operation(node, "input", ())
        if node.op == "output":
            return Operation(node, "output", inputs)
        if node.op == "call_module" and node.args == inputs and not node.kwargs:
            module = self._traced.get_submodule(str(node.target))
            return Operation(node, "module", inputs, module)
        if node.target in _SUMS and node.args == inputs and len(inputs) == 2 and not node.kwargs:
            return Operation(node, "sum", inputs)
        if node.target in _PRODUCTS and node.args == inputs and len(inputs) == 2:
            return Operation(node, "product", inputs)
        if node.target in _CONCATENATIONS and set(concatenation(node)[1]) == set(inputs):
            return Operation(node, "concatenation", inputs)
        if node.target in _AS_MODULE and len(inputs) == 1 and node.args[:1] == inputs:
            with contextlib.suppress(TypeError):  # with arguments that the module doesn't take
                module = _AS_MODULE[node.target](*node.args[1:], **node.kwargs)
                return Operation(node, "module", inputs, module.eval())
        return Operation(node, "other", inputs)

    def _add(self, operation: Operation, values: dict[Node, Any]) -> None:
        """Add an operation with its shape and its receptive fields."""
        node = operation.node
        self.operations[node] = operation
        self.shapes[node] = tuple(values[node].shape[1:])
        if operation.kind == "input":
            _, height, width = self.input_shape
            self.fields[node], self.dims[node] = (rf.pixels(height), rf.pixels(width)), (2, 3)
            return
        below = [n for n in operation.inputs if n in self.fields]
        if operation.kind == "other" and len(below) > 1:  # of some it may use only the size
            below = [n for n in below if depends(self._function(operation, n, values), values[n])]
        if not below:
            return  # it doesn't depend on the image
        parts = [self._through(operation, n, values) for n in below]
        dims = {part.dims for part in parts if part.dims is not None}
        self.dims[node] = dims.pop() if len(dims) == 1 else None
        if self.dims[node] is None:
            self.fields[node] = _whole_extent([part.axes for part in parts])
            return
        lengths = [values[node].shape[d] for d in self.dims[node] or ()]
        rows = [rf.stretched(part.axes[0], lengths[0]) for part in parts]
        columns = [rf.stretched(part.axes[1], lengths[1]) for part in parts]
        self.fields[node] = functools.reduce(rf.union, rows), functools.reduce(rf.union, columns)

    def _through(self, operation: Operation, below: Node, values: dict[Node, Any]) -> _Fields:
        """The receptive fields of an operation's output, as far as they come through one input."""
        axes, dims, shape = self.fields[below], self.dims[below], values[operation.node].shape
        if dims is None:
            return _Fields(axes, None)
        module = operation.module
        if dims == (2, 3) and len(shape) == 4:
            if operation.is_pointwise or operation.kind in ("sum", "product", "output"):
                return _Fields(axes, dims)
            if operation.kind == "concatenation" and concatenation(operation.node)[0] in (1, -3):
                return _Fields(axes, dims)
            if isinstance(module, _WINDOWED) and _may_slide(module):
                rows = _window(module, axes[0], 0, shape[2])
                columns = _window(module, axes[1], 1, shape[3])
                return _Fields((rows, columns), dims)
            if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
                pooled = rf.adaptive(axes[0], shape[2]), rf.adaptive(axes[1], shape[3])
                return _Fields(pooled, dims)
        return self._probed(operation, below, values)

    def _probed(self, operation: Operation, below: Node, values: dict[Node, Any]) -> _Fields:
        """The same, measured: for an operation that no rule above covers."""
        axes, dims = self.fields[below], self.dims[below]
        assert dims is not None
        function = self._function(operation, below, values)
        rows = probe(function, values[below], dims[0])
        columns = probe(function, values[below], dims[1])
        if rows is None or columns is None or rows[0] == columns[0]:
            return _Fields(_whole_extent([axes]), None)
        reached = _reached(axes[0], rows[1]), _reached(axes[1], columns[1])
        return _Fields(reached, (rows[0], columns[0]))

    def _function(
        self, operation: Operation, below: Node, values: dict[Node, Any]
    ) -> Callable[[Tensor], Tensor]:
        """An operation as a function of one of its inputs; the others keep their values."""
        others = {n: values[n] for n in operation.inputs}
        return lambda value: self.evaluate(operation.node, {**others, below: value})

    def _last_uses(self) -> dict[Node, list[Node]]:
        """For each node, the nodes whose values nothing after it needs."""
        last: dict[Node, Node] = {}
        for node in self._traced.graph.nodes:
            direct = node.all_input_nodes
            tensors = self.operations[node].inputs if node in self.operations else ()
            last |= {used: node for used in (*direct, *tensors)}
        unused_after: dict[Node, list[Node]] = {}
        for used, node in last.items():
            unused_after.setdefault(node, []).append(used)
        return unused_after


@dataclass(frozen=True)
class _Fields:
    """Receptive fields of rows and columns, and the dimensions of the value that these are.

    ``dims`` is None where the value has no positions.
    """

    axes: rf.Axes
    dims: tuple[int, int] | None


_POINTWISE = (nn.BatchNorm2d, nn.Dropout, nn.Dropout2d, nn.Identity)
_WINDOWED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


def _sources(node: Node, tensors: set[Node]) -> Iterator[Node]:
    """The nearest nodes with tensors from which a node is computed."""
    for used in node.all_input_nodes:
        if used in tensors:
            yield used
        else:
            yield from _sources(used, tensors)


def _may_slide(module: nn.Module) -> bool:
    """Whether a convolution or pooling is a sliding window over zeros beyond the borders."""
    return getattr(module, "padding_mode", "zeros") == "zeros"


def _window(module: nn.Module, axis: rf.Axis, i: int, outputs: int) -> rf.Axis:
    """The fields along rows (``i`` = 0) or columns (1) after a convolution or pooling."""
    assert isinstance(module, _WINDOWED)
    kernel, stride = pair(module.kernel_size)[i], pair(module.stride)[i]
    dilation = pair(getattr(module, "dilation", 1))[i]
    if isinstance(module.padding, str):
        padding = dilation * (kernel - 1) // 2 if module.padding == "same" else 0
    else:
        padding = pair(module.padding)[i]
    return rf.window(
        axis, outputs, kernel=kernel, stride=stride, padding=padding, dilation=dilation
    )


def _reached(axis: rf.Axis, reach: Reach) -> rf.Axis:
    """The fields after an operation whose outputs depend on these positions of its input."""
    inputs = len(axis.true)
    window = window_of(reach, inputs)
    if window is not None:
        kernel, stride, padding = window
        return rf.window(axis, len(reach), kernel=kernel, stride=stride, padding=padding)
    return rf.gathered(axis, reach)


def _whole_extent(below: list[rf.Axes]) -> rf.Axes:
    """The fields of a value without positions: all that any of its inputs depends on."""
    rows = functools.reduce(rf.union, [rf.whole(axes[0], 1) for axes in below])
    columns = functools.reduce(rf.union, [rf.whole(axes[1], 1) for axes in below])
    return rows, columns


def concatenation(node: Node) -> tuple[int, tuple[Node, ...]]:
    """The dimension along which a concatenation joins, and the nodes that it joins, in order."""
    slices = node.kwargs.get("tensors", node.args[0] if node.args else ())
    axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    assert isinstance(axis, int) and isinstance(slices, (list, tuple))
    return axis, tuple(n for n in slices if isinstance(n, Node))


def pads_with_zeros(module: nn.Conv2d) -> bool:
    """Whether a convolution pads with zeros, by given numbers of them."""
    return module.padding_mode == "zeros" and not isinstance(module.padding, str)
