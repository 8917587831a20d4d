"""What reconstructions of a network have beyond the deconvnet paper, and where they lack images."""

from __future__ import annotations

from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.operations import Node, Operation
from atlas.reconstruction.recording import depends_on_inputs
from atlas.reconstruction.rules import behaviour


def extensions(graph: Graph) -> list[str]:
    """The kinds of operations of a network that the paper doesn't treat; mere moves don't count."""
    names = {_name(operation) for operation in graph.operations.values()}
    return sorted(filter(None, names), key=str.lower)


def _name(operation: Operation) -> str:
    """The name of what the paper doesn't treat; "" for what it does."""
    word = operation.name.strip("_").replace("_", " ")
    if isinstance(operation, ops.Nonlinearity):
        return "" if operation.rectifies else word
    if isinstance(operation, ops.Resampling | ops.Mixing | ops.Derived):
        return word
    return _NAMES.get(type(operation), "")


_NAMES: dict[type[Operation], str] = {
    ops.Sum: "sums",
    ops.Product: "products",
    ops.Quotient: "quotients",
    ops.Concatenation: "concatenations",
    ops.BatchNorm: "batch norm",
    ops.GroupNorm: "group norm",
    ops.AveragePooling: "average pooling",
    ops.AdaptiveAveragePooling: "average pooling",
}


def image_free(graph: Graph, node: Node, rule: str) -> bool:
    """Whether the backward projection from a node by a rule is the same for every stimulus.

    Then a reconstruction follows from the unit and the position alone, but for the activation as a
    factor. With the rule deconvnet, a stimulus enters by the switches of max poolings and by gates
    alone (Springenberg et al. 2015).
    """
    if behaviour(rule).samples:
        return False
    return not any(
        depends_on_inputs(operation, [rule]) or isinstance(operation, _POOLING)
        for operation in graph.below(node)
    )


_POOLING = (ops.MaxPooling, ops.AdaptiveMaxPooling)
