"""What a network does that the deconvnet paper doesn't speak of, so that pages can say so."""

from __future__ import annotations

from torch import nn

from atlas.graph import Graph


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
        elif operation.kind == "other":
            name = str(getattr(node.target, "__name__", node.target))
            if name not in _REARRANGING:
                found.add({"mul": "products"}.get(name, name))
    return sorted(found, key=str.lower)


_IN_THE_PAPER = (
    nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.Flatten, nn.Identity,
    nn.Dropout, nn.Dropout2d,
)  # fmt: skip
_REARRANGING = {
    "flatten", "view", "reshape", "permute", "transpose", "chunk", "split", "getitem", "squeeze",
    "unsqueeze", "contiguous", "stochastic_depth",
}  # fmt: skip
