"""Layers: the places in a network whose outputs have units, and their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from atlas.data.slugs import folder
from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.operations import Node, Operation
from atlas.networks.receptive_fields import ReceptiveField
from atlas.networks.tracing import paths_of


@dataclass(frozen=True)
class Layer:
    """A layer: its place in the network, and the receptive fields of its positions.

    ``id`` is its address, the path of the module that makes it where that can be one (``folder``);
    ``module`` is that path; ``kind`` is
    "convolution", "linear", "sum" or "concatenation". ``shape`` is ``(units, height, width)`` of
    one image's activations, with height and width 1 after a linear layer. ``field`` are the true
    receptive fields, and ``held`` those with gates held. ``node`` is the node of the graph whose
    value holds the activations, after batch norm and nonlinearity, and ``dims`` are the dimensions
    of that value that are units, rows and columns.
    """

    id: str
    module: str
    kind: str
    shape: tuple[int, int, int]
    field: ReceptiveField
    held: ReceptiveField
    node: Node
    dims: tuple[int, ...]

    @property
    def units(self) -> int:
        """The number of units."""
        return self.shape[0]

    def maps(self, value: Tensor) -> Tensor:
        """The feature maps ``[N, units, H, W]`` that the value of its node holds."""
        if self.dims == (1, 2, 3):
            return value
        return value.permute(0, *self.dims).reshape(len(value), *self.shape)

    def value(self, maps: Tensor) -> Tensor:
        """The value of its node that holds these feature maps: the inverse of ``maps``."""
        if len(self.dims) == 1:
            return maps.flatten(1)
        order = sorted(range(3), key=lambda i: self.dims[i])
        return maps.permute(0, *(1 + i for i in order))


def find_layers(graph: Graph) -> dict[str, Layer]:
    """All layers of a network by id, in order of execution."""
    layers: list[Layer] = []
    taken: set[str] = set()
    for kind, operation in _made(graph):
        node = _activation(graph, operation.node)
        layout = _layout(graph, node)
        if layout is None:
            continue
        path = _module_path(graph, operation, node)
        first = name = folder(path, taken)
        number = 1
        while name in taken:  # a module that is called twice is two layers
            number += 1
            name = f"{first}-{number}"
        taken.add(name)
        fields = graph.fields[node]
        true, held = ReceptiveField(*fields.true), ReceptiveField(*fields.held)
        layers.append(Layer(name, path, kind, layout.shape, true, held, node, layout.dims))
    if _is_numbered_chain(graph, layers):
        layers = _renamed(layers)
    return {layer.id: layer for layer in layers}


def _made(graph: Graph) -> Iterator[tuple[str, Operation]]:
    """The operations that make layers, if their values have positions, with the layers' kinds."""
    filtered: set[Node] = set()  # nodes that a convolution or linear layer lies below
    for operation in graph.operations.values():
        kind = _kind(graph, operation)
        if kind in ("convolution", "linear") or not filtered.isdisjoint(operation.inputs):
            filtered.add(operation.node)
        if kind and operation.node in filtered and operation.node not in graph.lost:
            yield kind, operation


def unplaced_layers(graph: Graph) -> list[Operation]:
    """The convolutions and linear layers whose values have no rows and columns of their own.

    As those that read an image's positions as one sequence.
    """
    return [
        operation
        for kind, operation in _made(graph)
        if kind in ("convolution", "linear")
        and _layout(graph, _activation(graph, operation.node)) is None
    ]


def lost_layers(graph: Graph) -> tuple[Operation, int] | None:
    """The first operation that mixes positions or images, and how many layers that left out.

    Above it no value can be followed back to positions of the image. None if all can.
    """
    if not graph.lost:
        return None
    out = [node for node in graph.lost if _kind(graph, graph.operations[node])]
    mixing = (o for o in graph.operations.values() if isinstance(o, ops.Mixing))
    return next(mixing, next(iter(graph.lost.values()))), len(out)


@dataclass(frozen=True)
class _Layout:
    """Units, height and width of a node's value, and the dimensions where they stand."""

    shape: tuple[int, int, int]
    dims: tuple[int, ...]


def _layout(graph: Graph, node: Node) -> _Layout | None:
    """The layout of a node's value; None where its dimensions have no clear meaning."""
    if node not in graph.fields:
        return None
    shape, dims = (0, *graph.shapes[node]), graph.fields[node].dims
    if len(shape) == 2:
        return _Layout((shape[1], 1, 1), (1,))
    if len(shape) != 4 or dims is None:
        return None
    (unit,) = {1, 2, 3} - set(dims)
    return _Layout((shape[unit], shape[dims[0]], shape[dims[1]]), (unit, *dims))


def _kind(graph: Graph, operation: Operation) -> str | None:
    """The kind of layer that an operation makes; None if it makes none."""
    if isinstance(operation, ops.Convolution):
        return "convolution"
    if isinstance(operation, ops.Linear):
        return "linear"
    if isinstance(operation, ops.Sum) and len(operation.inputs) == 2:
        return "sum"
    if isinstance(operation, ops.Concatenation) and not _is_repeated(graph, operation):
        return "concatenation"
    return None


def _is_repeated(graph: Graph, operation: Operation) -> bool:
    """Whether a later concatenation joins the same tensors and more.

    In a densely connected block every layer reads the outputs of all layers before it; only the
    last of these concatenations is the block's output.
    """
    own = set(operation.inputs)
    return any(
        own < set(other.inputs)
        for node in operation.inputs[0].users
        if isinstance(other := graph.operations.get(node), ops.Concatenation)
    )


def _activation(graph: Graph, node: Node) -> Node:
    """The node of a layer's activations: past the norm and nonlinearity that follow it."""
    for wanted in NORMS, (ops.Nonlinearity,):
        users = list(node.users)
        if len(users) == 1 and isinstance(graph.operations.get(users[0]), wanted):
            node = users[0]
    return node


def _module_path(graph: Graph, operation: Operation, activation: Node) -> str:
    """The path of the module that an operation's layer is named after."""
    owner = operation.path
    if owner and isinstance(operation, ops.Convolution | ops.Linear):
        return owner
    inside = any(owner in paths_of(user) for user in activation.users)
    if owner and not inside:
        return owner
    word = _WORDS[type(operation)]
    return f"{owner}.{word}" if owner else word


NORMS = (ops.BatchNorm, ops.GroupNorm)  # those that are part of a layer

_WORDS = {
    ops.Sum: "add", ops.Concatenation: "cat", ops.Convolution: "conv", ops.Linear: "linear",
}  # fmt: skip


def _is_numbered_chain(graph: Graph, layers: list[Layer]) -> bool:
    """Whether the network is a plain chain of modules whose paths are mere numbers."""
    chain = all(len(operation.inputs) <= 1 for operation in graph.operations.values())
    return chain and all(re.fullmatch(r"(.*\.)?\d+", layer.module) for layer in layers)


def _renamed(layers: list[Layer]) -> list[Layer]:
    """The layers as conv1, conv2 and so on, fc1, fc2 and so on, in order of execution."""
    counts = {"convolution": 0, "linear": 0}
    renamed = []
    for layer in layers:
        counts[layer.kind] += 1
        prefix = "conv" if layer.kind == "convolution" else "fc"
        name = f"{prefix}{counts[layer.kind]}"
        renamed.append(replace(layer, id=name))
    return renamed
