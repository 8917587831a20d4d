"""What a backward projection needs of the forward pass: switches, some inputs, activations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.networks.graph import Graph, Node, Operation
from atlas.reconstruction.rules import behaviour
from atlas.reconstruction.sparse import MAX_POOLING

# operations whose adjoint is the same for every stimulus
LINEAR = (
    nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
    nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten,
)  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """What backward projections by some rules need of the forward pass of N stimuli.

    ``switches`` holds, for each max pooling, the place of every window's maximum in the pooling's
    input, counted in row-major order: ``[N, C, h, w]``. ``inputs`` holds the inputs of the
    operations whose backward step depends on them; of a ReLU, whether they are above 0.
    ``activations`` holds the values of the requested nodes, ``[N, ...]``.
    """

    graph: Graph
    rules: frozenset[str]
    switches: dict[Node, Tensor]
    inputs: dict[Node, dict[Node, Tensor]]
    activations: dict[Node, Tensor]


def record(graph: Graph, inputs: Tensor, nodes: Iterable[Node], *rules: str) -> Recording:
    """Run the network once on ``[N, C, H, W]``, up to the last of ``nodes``, and record it.

    The recording serves backward projections by any of ``rules``. Raises ``UsageError`` for a rule
    that isn't known.
    """
    for rule in rules:
        behaviour(rule)  # raises the error
    requested = set(nodes)
    last = max(requested, key=list(graph.operations).index)
    recording = Recording(graph, frozenset(rules), {}, {}, {})
    with torch.no_grad():
        for node, values in graph.run(inputs, until=last):
            operation = graph.operations.get(node)
            if operation is None:
                continue
            if depends_on_inputs(operation, recording.rules):
                rectifies = isinstance(operation.module, nn.ReLU)
                recording.inputs[node] = {
                    below: values[below] > 0 if rectifies else values[below]
                    for below in operation.inputs
                }
            elif isinstance(operation.module, MAX_POOLING):
                below = values[operation.inputs[0]]
                recording.switches[node] = _switches(operation.module, below)
            if node in requested:
                recording.activations[node] = values[node]
    return recording


def joined(recordings: list[Recording]) -> Recording:
    """One recording of the stimuli of several, in order."""
    first = recordings[0]
    switches = {n: torch.cat([r.switches[n] for r in recordings]) for n in first.switches}
    activations = {n: torch.cat([r.activations[n] for r in recordings]) for n in first.activations}
    inputs = {
        n: {below: torch.cat([r.inputs[n][below] for r in recordings]) for below in first.inputs[n]}
        for n in first.inputs
    }
    return Recording(first.graph, first.rules, switches, inputs, activations)


def depends_on_inputs(operation: Operation, rules: Iterable[str]) -> bool:
    """Whether an operation's backward step by one of the rules depends on the operation's inputs.

    That of a max pooling depends on its switches alone.
    """
    if operation.is_nonlinearity:
        return any(behaviour(rule).needs_inputs for rule in rules)
    known = isinstance(operation.module, LINEAR + MAX_POOLING)
    return not known and operation.kind in ("module", "product", "other")


def _switches(module: nn.Module, below: Tensor) -> Tensor:
    if isinstance(module, nn.AdaptiveMaxPool2d):
        size = module.output_size
        return F.adaptive_max_pool2d(below, size, return_indices=True)[1]  # type: ignore[call-overload]
    assert isinstance(module, nn.MaxPool2d)
    return F.max_pool2d(
        below,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        module.ceil_mode,
        return_indices=True,
    )[1]
