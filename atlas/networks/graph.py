"""A network as a graph of operations, traced by torch.export and run node by node, without hooks.

No operation works in place, so a value that was computed stays as it is. The graph reads the
model's own tensors; the model itself is never changed.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves

from atlas.errors import AtlasError, UsageError, first_line
from atlas.networks import operations as ops
from atlas.networks.fields import Fields, Positions
from atlas.networks.operations import Node, Operation
from atlas.networks.operators import read
from atlas.networks.tracing import Trace, copied, traced

Step = Callable[[dict[Node, Any]], Any]  # computes a node's value from the values before it
Tensors = dict[str, Tensor]


class Graph:
    """The operations of a model in order of execution, with the shapes and fields of their values.

    ``input_shape`` is ``(channels, height, width)``. ``operations`` are those whose values depend
    on the image; ``constants`` are the values they need that don't. ``shapes`` holds the shape of
    each value for one image, without the batch, and ``fields`` its receptive fields. ``lost``
    names, for each value that can't be followed back to positions of the image, the first operation
    below it that mixes positions or images.

    Raises ``AtlasError`` if the model can't be traced, and ``UsageError`` if it can't be run on
    such an input.
    """

    @torch.inference_mode(False)
    def __init__(self, model: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self.input_shape = input_shape
        self._model = model
        own = copied(model)
        example = self._example()
        expected = self._run_whole(own, example)
        self.trace = traced(own, example)
        self.constants = _constants(self.trace, dict(_tensors(model)))
        self._nodes = _computing(self.trace, self.constants)
        self._last_use: dict[Node, list[Node]] = {}
        self.operations: dict[Node, Operation] = {}
        self.shapes: dict[Node, tuple[int, ...]] = {}
        self.lost: dict[Node, Operation] = {}
        positions = Positions(functools.partial(self.evaluate, images=1))
        self.fields: Mapping[Node, Fields] = positions.of
        with torch.no_grad():
            for node, values in self.run(torch.zeros_like(example[:1])):
                if isinstance(values[node], Tensor):
                    self._add(node, values, positions)
        self._last_use = self._last_uses()
        self._check(example, expected)

    @torch.inference_mode(False)
    def changed(self, change: Callable[[str, Tensors], Tensors]) -> Graph:
        """The same graph with other weights: ``change(path, tensors)`` gives those of each module.

        The tensors are the module's own parameters and the running statistics of its norms, by
        name. Nodes are the same objects, so a recording of one graph can be used with the other.
        """
        tensors: Tensors = dict(_tensors(self._model))
        for path, module in self._model.named_modules():
            statistics = [b for b in module.named_buffers(recurse=False) if _is_statistic(b[0])]
            own = {**dict(module.named_parameters(recurse=False)), **dict(statistics)}
            prefix = f"{path}." if path else ""
            tensors |= {prefix + name: value for name, value in change(path, own).items()}
        other = copy.copy(self)
        other.constants = _constants(self.trace, tensors)
        other.operations = {
            node: other._read(node, operation.inputs) for node, operation in self.operations.items()
        }
        return other

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

    def below(self, *nodes: Node) -> Iterator[Operation]:
        """The operations that the values of some nodes come of, each once, with their own."""
        waiting, reached = list(nodes), set(nodes)
        while waiting:
            operation = self.operations[waiting.pop()]
            yield operation
            more = [node for node in dict.fromkeys(operation.inputs) if node not in reached]
            waiting += more
            reached.update(more)

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
        values: dict[Node, Any] = {self.trace.image: inputs}
        steps = instead or {}
        for node in self._nodes:
            if node is not self.trace.image:
                step = steps.get(node)
                values[node] = step(values) if step else self.evaluate(node, values, len(inputs))
            yield node, values
            if node is until:
                return
            for used in self._last_use.get(node, ()):
                values.pop(used, None)

    def evaluate(self, node: Node, values: Mapping[Node, Any], images: int | None = None) -> Any:
        """The value of one node, computed from the values of its inputs.

        Sizes, tuples and values between are computed too where ``values`` lacks them. ``images``
        counts the images that these are of; None if one of them tells.
        """

        def value(of: Node) -> Any:
            if of in values:
                return values[of]
            if of in self.constants:
                return self.constants[of]
            if self.trace.is_batch(of.meta.get("val")):
                if images is not None:
                    return images
                return next(len(v) for n, v in values.items() if self.trace.follows_batch(n))
            return self.evaluate(of, values, images)

        if node.op == "get_attr":  # a part of the model's code, such as one without gradients
            return self.trace.part(node)
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), value)
        assert callable(node.target)
        return node.target(*args, **kwargs)

    def tensors_of(self, node: Node) -> set[str]:
        """The names of the model's tensors from which a node's value is computed."""
        names, waiting = set(), list(node.all_input_nodes)
        while waiting:
            used = waiting.pop()
            if used in self.trace.stored:
                names.add(self.trace.stored[used])
            elif used not in self.operations:
                waiting += used.all_input_nodes
        return names

    def outputs(self, inputs: Tensor) -> list[Tensor]:
        """What the network returns for ``[N, C, H, W]``, as one list of tensors."""
        values: dict[Node, Any] = {}
        for _, values in self.run(inputs):
            pass
        outputs = [self.constants[n] if n in self.constants else values[n]
                   for n in self.trace.outputs]  # fmt: skip
        return [output for output in outputs if isinstance(output, Tensor)]

    def _example(self) -> Tensor:
        """An input of random numbers ``[2, C, H, W]``; torch takes 0 and 1 for special counts."""
        generator = torch.Generator().manual_seed(0)
        shape = (2, *self.input_shape)
        return torch.randn(shape, generator=generator).to(self.device, self.dtype)

    def _run_whole(self, model: nn.Module, example: Tensor) -> list[Tensor]:
        """What the model itself returns, as one list of tensors."""
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # it rounds differently
        try:
            with torch.no_grad():
                outputs = tree_leaves(model(example))
        except Exception as error:  # whatever the model's own code raises
            channels, height, width = self.input_shape
            raise UsageError(
                f"the network can't be run on a {height}x{width} input of {channels} channels: "
                f"{first_line(error) or type(error).__name__}"
            ) from error
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
        return [output for output in outputs if isinstance(output, Tensor)]

    def _check(self, example: Tensor, expected: list[Tensor]) -> None:
        """Compare with the model itself, to the bit."""
        with torch.no_grad():
            outputs = self.outputs(example)
        same = len(outputs) == len(expected) and all(
            one.dtype == other.dtype
            and one.shape == other.shape
            and bool(((one == other) | ((one != one) & (other != other))).all())
            for one, other in zip(outputs, expected, strict=True)
        )
        if not same:
            raise AtlasError(
                f"{type(self._model).__name__} as traced by torch.export doesn't compute what the "
                "model itself computes; a model that draws random numbers or remembers earlier "
                "inputs can't be shown"
            )

    def _read(self, node: Node, inputs: tuple[Node, ...]) -> Operation:
        operation = read(node, inputs, self.constants)
        if isinstance(operation, ops.Product) and len(inputs) == 2:
            return replace(operation, gate=self._gate(operation))
        return operation

    def _gate(self, product: ops.Product) -> Node | None:
        """The factor of a product that only scales the other one; None if neither does."""
        made = {node: self._before_expansion(node) for node in product.inputs}
        positions = {node: math.prod(self.shapes[made[node].node][1:]) for node in product.inputs}
        one, other = product.inputs
        for small, large in ((one, other), (other, one)):
            if positions[small] < positions[large]:
                divided = isinstance(product, ops.Quotient) and small is one
                return None if divided else small
        if isinstance(product, ops.Quotient):
            return None
        bounded = [
            node
            for node, operation in made.items()
            if isinstance(operation, ops.Nonlinearity) and operation.is_bounded
        ]
        return bounded[0] if len(bounded) == 1 else None

    def _before_expansion(self, node: Node) -> Operation:
        """The operation that made a value, before it was repeated to the size of another one."""
        operation = first = self.operations[node]
        while isinstance(operation, ops.Rearrangement) or operation.name == "expand_as":
            operation = self.operations[operation.inputs[0]]
            if math.prod(self.shapes[operation.node]) < math.prod(self.shapes[first.node]):
                first = operation
        return first

    def _add(self, node: Node, values: dict[Node, Any], positions: Positions) -> None:
        """Add the operation of a node, with its shape and its fields."""
        inputs = tuple(dict.fromkeys(self._sources(node)))
        operation = self._read(node, inputs)
        self.operations[node] = operation
        self.shapes[node] = tuple(values[node].shape[1:])
        if isinstance(operation, ops.Input):
            positions.add_image(node, *self.input_shape[1:])
            return
        positions.add(operation, values)
        lost = next((self.lost[n] for n in inputs if n in self.lost), None)
        if lost and self._is_only_context(operation):
            return
        if isinstance(operation, ops.Mixing) or not self.trace.follows_batch(node):
            lost = lost or operation
        if lost:
            self.lost[node] = lost

    def _is_only_context(self, operation: Operation) -> bool:
        """Whether what is lost below an operation only scales or shifts whole maps."""
        if not isinstance(operation, ops.Sum | ops.Product):
            return False
        return all(
            self.shapes[below][1:] == (1, 1) and len(self.shapes[operation.node]) == 3
            for below in operation.inputs
            if below in self.lost
        ) and any(below not in self.lost for below in operation.inputs)

    def _sources(self, node: Node) -> Iterator[Node]:
        """The nearest values that depend on the image from which a node is computed."""
        for used in node.all_input_nodes:
            if used in self.operations:
                yield used
            elif used not in self.constants and not self.trace.is_batch(used.meta.get("val")):
                yield from self._sources(used)

    def _last_uses(self) -> dict[Node, list[Node]]:
        """For each node, the nodes whose values nothing after it needs."""
        last: dict[Node, Node] = {}
        for node in self._nodes:
            sources = self.operations[node].inputs if node in self.operations else ()
            last |= {used: node for used in (*node.all_input_nodes, *sources)}
        for node in self.trace.outputs:
            last.pop(node, None)
        unused_after: dict[Node, list[Node]] = {}
        for used, node in last.items():
            unused_after.setdefault(node, []).append(used)
        return unused_after


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters(remove_duplicate=False)
    yield from model.named_buffers(remove_duplicate=False)


def _is_statistic(name: str) -> bool:
    return name.startswith("running_")


def _constants(trace: Trace, tensors: Mapping[str, Tensor]) -> dict[Node, Any]:
    """The values that are the same for every image, as far as others are computed from them."""
    values: dict[Node, Any] = {node: tensors[name] for node, name in trace.stored.items()}
    values |= trace.constants
    with torch.no_grad():
        for node in trace.graph.nodes:
            if node.op != "call_function" or not values.keys() >= set(node.all_input_nodes):
                continue
            if _is_random(node):
                continue
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
            values[node] = node.target(*args, **kwargs)
    return {
        node: value.detach() if isinstance(value, Tensor) else value
        for node, value in values.items()
        if any(user not in values for user in node.users)
    }


def _is_random(node: Node) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def _computing(trace: Trace, constants: Mapping[Node, Any]) -> list[Node]:
    """The nodes that compute something from the image, with the image itself, in order."""
    needed = set(trace.outputs)
    for node in reversed(trace.graph.nodes):
        if node in needed and node not in constants:
            needed.update(node.all_input_nodes)
    return [
        node
        for node in trace.graph.nodes
        if node is trace.image
        or (node in needed and node not in constants and node.op == "call_function")
        if not trace.is_batch(node.meta.get("val"))
    ]
