"""What a network does that the deconvnet paper doesn't speak of, and what it lacks."""

from __future__ import annotations

from torch import nn

from atlas.networks.graph import Graph, Node, Operation
from atlas.reconstruction.deconvnet import depends_on_inputs
from atlas.reconstruction.sparse import MAX_POOLING


def extensions(graph: Graph) -> list[str]:
    """The operations of a network that the paper doesn't speak of, but for mere rearranging."""
    names = {"sum": "sums", "concatenation": "concatenations", "product": "products"}
    found = set()
    for node, operation in graph.operations.items():
        module = operation.module
        if operation.kind in names:
            found.add(names[operation.kind])
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            found.add("batch norm")
        elif isinstance(module, nn.AvgPool2d | nn.AdaptiveAvgPool2d):
            found.add("average pooling")
        elif operation.kind == "module" and not isinstance(module, _IN_THE_PAPER):
            found.add(type(module).__name__)
        elif operation.kind == "other" and not _rearranges(operation):
            name = _called(node)
            found.add({"mul": "products"}.get(name, name))
    return sorted(found, key=str.lower)


def image_free(graph: Graph, node: Node, rule: str) -> bool:
    """Whether nothing of a stimulus enters on the way down from a node.

    Then a reconstruction follows from the unit and the position alone, but for the factor of the
    activation. By the rule deconvnet it is what max poolings chose, and gates, that a stimulus
    brings in (Springenberg et al. 2015).
    """
    waiting, seen = [node], {node}
    while waiting:
        operation = graph.operations[waiting.pop()]
        asks = depends_on_inputs(operation, frozenset([rule])) and not _rearranges(operation)
        if asks or isinstance(operation.module, MAX_POOLING):
            return False
        waiting += [below for below in operation.inputs if below not in seen]
        seen.update(operation.inputs)
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
