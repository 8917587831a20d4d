"""A network as a graph of operations, traced by torch.fx, and walked; there are no hooks.

The walk runs on a *twin*: a copy of the model that shares its parameters but never works in
place, so that a value, once computed, stays what it was. The model handed in is not touched.
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
Step = Callable[[dict[Node, Any]], Any]  # a node's value from those before it

NONLINEARITIES = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Hardswish, nn.Hardtanh, nn.Softplus, nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Softsign,
    nn.LogSigmoid, nn.Threshold,
)  # fmt: skip

# Functions that are modules by another name: each call is read as the module it stands for.
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
    """What one node does, for a node whose value is a tensor.

    ``kind`` is "input", "module", "sum", "product", "concatenation", "other" or "output"; for
    "module", ``module`` is the module called, or the one that the called function stands for.
    ``inputs`` are the nodes with tensors that it is computed from, directly or through sizes and
    tuples.
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
        """Whether every position of its output depends on that of its input alone."""
        return self.is_nonlinearity or isinstance(self.module, _POINTWISE)


def pair(value: int | tuple[int, ...]) -> Pair:
    """A number for both axes, or one for each, as (rows, columns)."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


class Graph:
    """The operations of a model in order of execution, and what is known of every value.

    ``input_shape`` is ``(channels, height, width)``. For each node of ``operations``,
    ``shapes`` holds the shape of its value for one image, without the batch; ``fields`` its
    receptive fields along rows and columns, and ``dims`` the dimensions of its value (counted with
    the batch) that are rows and columns, None where positions are gone.

    Raises ``AtlasError`` when the model can't be traced, and ``UsageError`` when it can't be run on
    such an input.
    """

    def __init__(self, model: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self.input_shape = input_shape
        self._model = model
        self._twin = traced_copy(model)
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
                        self._learn(self._operation(node, tensors), values)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            channels, height, width = input_shape
            raise UsageError(
                f"the network can't be run on a {height}x{width} input of {channels} channels: "
                f"{first_line(error)}"
            ) from error
        self._last_use = self._last_uses()

    def changed(self, change: Callable[[str, nn.Module], None]) -> Graph:
        """The same graph on copies of its modules, after ``change`` of each, given with its path.

        Its nodes are the same objects, so what was recorded of one graph serves the other.
        """
        other = copy.copy(self)
        other._model = other._twin = copy.deepcopy(self._twin)
        for path, module in other._twin.named_modules():
            change(path, module)
        other.operations = {
            node: replace(operation, module=other._twin.get_submodule(str(node.target)))
            if node.op == "call_module"
            else operation
            for node, operation in self.operations.items()
        }
        return other

    @property
    def traced(self) -> fx.GraphModule:
        """The traced copy: its nodes, and the modules that they call."""
        return self._twin

    @property
    def stored(self) -> Collection[str]:
        """The names of the tensors in the model's state dict."""
        return self._model.state_dict().keys()

    @property
    def dtype(self) -> torch.dtype:
        """The kind of number it computes with: that of its first parameter."""
        parameter = next(self._model.parameters(), None)
        return torch.float32 if parameter is None else parameter.dtype

    @property
    def footprint(self) -> int:
        """The bytes that all values of one image take together."""
        numbers = sum(math.prod(shape) for shape in self.shapes.values())
        return numbers * self.dtype.itemsize

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        parameter = next(self._model.parameters(), None)
        return torch.device("cpu") if parameter is None else parameter.device

    def run(
        self, inputs: Tensor, until: Node | None = None, instead: Mapping[Node, Step] | None = None
    ) -> Iterator[tuple[Node, dict[Node, Any]]]:
        """Run the network on ``[N, C, H, W]``, giving each node as it is computed, and the values.

        The values are the node's own, its inputs', and those that a later node needs: a value
        is dropped after its last use, so the walk holds no more than a forward pass does. Stops
        after ``until``. ``instead`` says how some nodes are to be computed otherwise.
        """
        values: dict[Node, Any] = {}
        steps = instead or {}
        for node in self._twin.graph.nodes:
            step = steps.get(node)
            values[node] = step(values) if step else self.evaluate(node, values, inputs)
            yield node, values
            if node is until:
                return
            for used in self._last_use.get(node, ()):
                values.pop(used, None)

    def evaluate(self, node: Node, values: dict[Node, Any], inputs: Tensor | None = None) -> Any:
        """The value of one node from the values of those before it.

        Sizes, tuples and parameters are computed where ``values`` doesn't have them.
        """
        if node.op == "placeholder":
            return inputs if inputs is not None else values[node]
        if node.op == "get_attr":
            return self.attribute(node)

        def value(of: Node) -> Any:
            return values[of] if of in values else self.evaluate(of, values, inputs)

        args, kwargs = fx.node.map_arg((node.args, node.kwargs), value)
        if node.op == "call_module":
            return self._twin.get_submodule(str(node.target))(*args, **kwargs)
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
            return find(self._twin)

    def _operation(self, node: Node, tensors: set[Node]) -> Operation:
        inputs = tuple(dict.fromkeys(_sources(node, tensors)))
        if node.op == "placeholder":
            return Operation(node, "input", ())
        if node.op == "output":
            return Operation(node, "output", inputs)
        if node.op == "call_module" and node.args == inputs and not node.kwargs:
            module = self._twin.get_submodule(str(node.target))
            return Operation(node, "module", inputs, module)
        if node.target in _SUMS and node.args == inputs and len(inputs) == 2 and not node.kwargs:
            return Operation(node, "sum", inputs)
        if node.target in _PRODUCTS and node.args == inputs and len(inputs) == 2:
            return Operation(node, "product", inputs)
        if node.target in _CONCATENATIONS and set(concatenation(node)[1]) == set(inputs):
            return Operation(node, "concatenation", inputs)
        if node.target in _AS_MODULE and len(inputs) == 1 and node.args[:1] == inputs:
            with contextlib.suppress(TypeError):  # called in a way the module has no words for
                module = _AS_MODULE[node.target](*node.args[1:], **node.kwargs)
                return Operation(node, "module", inputs, module.eval())
        return Operation(node, "other", inputs)

    def _learn(self, operation: Operation, values: dict[Node, Any]) -> None:
        """Note an operation, its shape and its receptive fields."""
        node = operation.node
        self.operations[node] = operation
        self.shapes[node] = tuple(values[node].shape[1:])
        if operation.kind == "input":
            _, height, width = self.input_shape
            self.fields[node], self.dims[node] = (rf.pixels(height), rf.pixels(width)), (2, 3)
            return
        below = [n for n in operation.inputs if n in self.fields]
        if operation.kind == "other" and len(below) > 1:  # some may lend no more than their size
            below = [n for n in below if depends(self._of(operation, n, values), values[n])]
        if not below:
            return  # doesn't depend on the image
        found = [self._through(operation, n, values) for n in below]
        places = {dims for _, dims in found if dims is not None}
        self.dims[node] = places.pop() if len(places) == 1 else None
        if self.dims[node] is None:
            self.fields[node] = _gone([axes for axes, _ in found])
            return
        lengths = [values[node].shape[d] for d in self.dims[node] or ()]
        rows, columns = (
            functools.reduce(rf.union, [rf.stretched(axes[i], lengths[i]) for axes, _ in found])
            for i in (0, 1)
        )
        self.fields[node] = rows, columns

    def _through(
        self, operation: Operation, below: Node, values: dict[Node, Any]
    ) -> tuple[rf.Axes, tuple[int, int] | None]:
        """The receptive fields of an operation's output as far as they come through one input."""
        axes, dims, shape = self.fields[below], self.dims[below], values[operation.node].shape
        if dims is None:
            return axes, None
        module = operation.module
        if dims == (2, 3) and len(shape) == 4:
            if operation.is_pointwise or operation.kind in ("sum", "product", "output"):
                return axes, dims
            if operation.kind == "concatenation" and concatenation(operation.node)[0] in (1, -3):
                return axes, dims
            if isinstance(module, _WINDOWED) and _may_slide(module):
                rows, columns = (
                    _window(module, axis, i, shape[2 + i]) for i, axis in enumerate(axes)
                )
                return (rows, columns), dims
            if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
                return (rf.adaptive(axes[0], shape[2]), rf.adaptive(axes[1], shape[3])), dims
        return self._probed(operation, below, values)

    def _probed(
        self, operation: Operation, below: Node, values: dict[Node, Any]
    ) -> tuple[rf.Axes, tuple[int, int] | None]:
        axes, dims = self.fields[below], self.dims[below]
        assert dims is not None
        function = self._of(operation, below, values)
        found = [probe(function, values[below], dim) for dim in dims]
        if found[0] is None or found[1] is None or found[0][0] == found[1][0]:
            return _gone([axes]), None
        rows, columns = (
            _reached(axis, one[1]) for axis, one in zip(axes, found, strict=True) if one
        )
        return (rows, columns), (found[0][0], found[1][0])

    def _of(
        self, operation: Operation, below: Node, values: dict[Node, Any]
    ) -> Callable[[Tensor], Tensor]:
        """An operation as a function of one of its inputs, the others as they are."""
        others = {n: values[n] for n in operation.inputs}
        return lambda value: self.evaluate(operation.node, {**others, below: value})

    def _last_uses(self) -> dict[Node, list[Node]]:
        """For each node, the values that nothing after it needs."""
        last: dict[Node, Node] = {}
        for node in self._twin.graph.nodes:
            direct = node.all_input_nodes
            tensors = self.operations[node].inputs if node in self.operations else ()
            last |= {used: node for used in (*direct, *tensors)}
        found: dict[Node, list[Node]] = {}
        for used, node in last.items():
            found.setdefault(node, []).append(used)
        return found


_POINTWISE = (nn.BatchNorm2d, nn.Dropout, nn.Dropout2d, nn.Identity)
_WINDOWED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


def _sources(node: Node, tensors: set[Node]) -> Iterator[Node]:
    """The nearest nodes with tensors that a node is computed from."""
    for used in node.all_input_nodes:
        if used in tensors:
            yield used
        else:
            yield from _sources(used, tensors)


def _may_slide(module: nn.Module) -> bool:
    return getattr(module, "padding_mode", "zeros") == "zeros"


def _window(module: nn.Module, axis: rf.Axis, i: int, outputs: int) -> rf.Axis:
    assert isinstance(module, _WINDOWED)
    kernel, stride = pair(module.kernel_size)[i], pair(module.stride)[i]
    dilation = pair(getattr(module, "dilation", 1))[i]
    if isinstance(module.padding, str):
        padding = dilation * (kernel - 1) // 2 if module.padding == "same" else 0
    else:
        padding = pair(module.padding)[i]
    return rf.window(axis, outputs, kernel, stride, padding, dilation)


def _reached(axis: rf.Axis, reach: Reach) -> rf.Axis:
    """Through an operation whose outputs depend on these positions of its input."""
    inputs = len(axis.true)
    window = window_of(reach, inputs)
    if window is not None:
        kernel, stride, padding = window
        return rf.window(axis, len(reach), kernel, stride, padding)
    return rf.gathered(axis, reach)


def _gone(below: list[rf.Axes]) -> rf.Axes:
    """Where positions are gone, every value may depend on all that any input depends on."""
    rows, columns = (
        functools.reduce(rf.union, [rf.whole(axes[i], 1) for axes in below]) for i in (0, 1)
    )
    return rows, columns


def concatenation(node: Node) -> tuple[int, tuple[Node, ...]]:
    """The axis along which a concatenation joins, and what it joins, in order."""
    slices = node.kwargs.get("tensors", node.args[0] if node.args else ())
    axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    assert isinstance(axis, int) and isinstance(slices, (list, tuple))
    return axis, tuple(n for n in slices if isinstance(n, Node))


def pads_with_zeros(module: nn.Conv2d) -> bool:
    """Whether a convolution pads by so many zeros on every side."""
    return module.padding_mode == "zeros" and not isinstance(module.padding, str)
