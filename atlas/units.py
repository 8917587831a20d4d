"""The places in a network whose outputs have units, and what they are called."""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import nn

from atlas.graph import Graph, Node, Operation
from atlas.receptive_fields import ReceptiveField


@dataclass(frozen=True)
class Layer:
    """A layer: where it is in the network, and the receptive fields of its positions.

    ``id`` is its address; ``module`` the path of the module that makes it; ``kind`` is
    "convolution", "linear", "sum" or "concatenation"; ``shape`` is that of one image's
    activations, ``(units, height, width)``, with height and width 1 after linear layers.
    ``node`` is where its value appears in the graph: after batch norm and nonlinearity.
    """

    id: str
    module: str
    kind: str
    shape: tuple[int, int, int]
    field: ReceptiveField
    node: Node

    @property
    def units(self) -> int:
        """How many units it has."""
        return self.shape[0]


def find_layers(graph: Graph) -> dict[str, Layer]:
    """All layers of a network by id, in order of execution."""
    fields = graph.receptive_fields()
    found: list[Layer] = []
    taken: set[str] = set()
    for operation in graph.operations.values():
        kind = _kind(operation)
        if kind is None or operation.node not in graph.shapes:
            continue
        shape = graph.shapes[operation.node]
        if len(shape) not in (1, 3):
            continue
        node = _activation(graph, operation.node)
        path = _module_path(graph, operation, node)
        name, number = path, 1
        while name in taken:  # a module that is called twice makes two layers
            number += 1
            name = f"{path}-{number}"
        taken.add(name)
        full = (shape[0], shape[1], shape[2]) if len(shape) == 3 else (shape[0], 1, 1)
        found.append(Layer(name, path, kind, full, fields[node], node))
    if _is_numbered_chain(graph, found):
        found = _renamed(found)
    return {layer.id: layer for layer in found}


def _kind(operation: Operation) -> str | None:
    if isinstance(operation.module, nn.Conv2d):
        return "convolution"
    if isinstance(operation.module, nn.Linear):
        return "linear"
    return operation.kind if operation.kind in ("sum", "concatenation") else None


def _activation(graph: Graph, node: Node) -> Node:
    """Where the layer's activation is: past a batch norm and a nonlinearity that follow it."""
    for wanted in (nn.BatchNorm2d, nn.BatchNorm1d), None:
        users = list(node.users)
        if len(users) != 1:
            break
        after = graph.operations[users[0]]
        if isinstance(after.module, wanted) if wanted else after.is_nonlinearity:
            node = after.node
    return node


def _module_path(graph: Graph, operation: Operation, activation: Node) -> str:
    node = operation.node
    if node.op == "call_module":
        return str(node.target)
    stack = node.meta.get("nn_module_stack") or {}
    owner = next(reversed(stack.values()))[0] if stack else ""
    inside = any(
        owner in (path for path, _ in (user.meta.get("nn_module_stack") or {}).values())
        for user in activation.users
    )
    if owner and not inside:
        return str(owner)
    word = "cat" if operation.kind == "concatenation" else "add"
    return f"{owner}.{word}" if owner else word


def _is_numbered_chain(graph: Graph, layers: list[Layer]) -> bool:
    """Whether this is a plain chain of numbered modules, whose paths nobody remembers."""
    chain = all(len(operation.inputs) <= 1 for operation in graph.operations.values())
    return chain and all(re.fullmatch(r"(.*\.)?\d+", layer.module) for layer in layers)


def _renamed(layers: list[Layer]) -> list[Layer]:
    counts = {"convolution": 0, "linear": 0}
    renamed = []
    for layer in layers:
        counts[layer.kind] += 1
        prefix = "conv" if layer.kind == "convolution" else "fc"
        name = f"{prefix}{counts[layer.kind]}"
        renamed.append(Layer(name, layer.module, layer.kind, layer.shape, layer.field, layer.node))
    return renamed
