"""What reconstructions of a network have beyond the deconvnet paper, and where they lack images."""

from __future__ import annotations

from torch import nn

from atlas.networks.graph import Graph, Node, Operation
from atlas.reconstruction.recording import depends_on_inputs
from atlas.reconstruction.sparse import MAX_POOLING


def extensions(graph: Graph) -> list[str]:
    """The kinds of operations of a network that the paper doesn't treat; mere moves don't count."""
    kinds = {"sum": "sums", "concatenation": "concatenations", "product": "products"}
    beyond = set()
    for node, operation in graph.operations.items():
        module = operation.module
        if operation.kind in kinds:
            beyond.add(kinds[operation.kind])
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            beyond.add("batch norm")
        elif isinstance(module, nn.AvgPool2d | nn.AdaptiveAvgPool2d):
            beyond.add("average pooling")
        elif operation.kind == "module" and not isinstance(module, _IN_THE_PAPER):
            beyond.add(type(module).__name__)
        elif operation.kind == "other" and not _rearranges(operation):
            name = _called(node)
            beyond.add({"mul": "products"}.get(name, name))
    return sorted(beyond, key=str.lower)


def image_free(graph: Graph, node: Node, rule: str) -> bool:
    """Whether the backward projection from a node by a rule is the same for every stimulus.

    Then a reconstruction follows from the unit and the position alone, but for the activation as a
    factor. With the rule deconvnet, a stimulus enters by the switches of max poolings and by gates
    alone (Springenberg et al. 2015).
    """
    waiting, visited = [node], {node}
    while waiting:
        operation = graph.operations[waiting.pop()]
        depends = depends_on_inputs(operation, [rule]) and not _rearranges(operation)
        if depends or isinstance(operation.module, MAX_POOLING):
            return False
        waiting += [below for below in operation.inputs if below not in visited]
        visited.update(operation.inputs)
    return True


def _rearranges(operation: Operation) -> bool:
    return operation.kind == "other" and _called(operation.node) in _REARRANGING


def _called(node: Node) -> str:
    return str(getattr(node.target, "__name__", node.target))


_IN_THE_PAPER = (
    nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.Flatten, nn.Identity,
    nn.Dropout, nn.Dropout2d,
)  # fmt: skip
_REARRANGING = {
    "flatten", "view", "reshape", "permute", "transpose", "chunk", "split", "getitem", "squeeze",
    "unsqueeze", "contiguous", "stochastic_depth",
}  # fmt: skip
