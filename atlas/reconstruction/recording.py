"""What a backward projection needs of the forward pass: switches, some inputs, activations."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.operations import Node, Operation
from atlas.reconstruction.projection import Recording
from atlas.reconstruction.rules import behaviour


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
            if isinstance(operation, ops.Input) and any(behaviour(rule).samples for rule in rules):
                recording.inputs[node] = {node: inputs}
            elif depends_on_inputs(operation, recording.rules):
                rectifies = isinstance(operation, ops.Nonlinearity) and operation.rectifies
                recording.inputs[node] = {
                    below: values[below] > 0 if rectifies else values[below]
                    for below in _held(operation)
                }
            elif isinstance(operation, ops.MaxPooling | ops.AdaptiveMaxPooling):
                below, size = values[operation.inputs[0]], graph.shapes[node][1:]
                recording.switches[node] = _switches(operation, below, size)
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
    if isinstance(operation, ops.Product | ops.Sum) and len(operation.inputs) == 1:
        return False
    return any(behaviour(rule).needs_inputs(type(operation)) for rule in rules)


def _held(operation: Operation) -> tuple[Node, ...]:
    """The inputs on which the backward step depends: of a gated product the gate alone."""
    if isinstance(operation, ops.Product) and operation.gate is not None:
        return (operation.gate,)
    return operation.inputs


def _switches(
    pooling: ops.MaxPooling | ops.AdaptiveMaxPooling, below: Tensor, size: tuple[int, ...]
) -> Tensor:
    if isinstance(pooling, ops.AdaptiveMaxPooling):
        return F.adaptive_max_pool2d(below, list(size), return_indices=True)[1]
    window = pooling.window
    return F.max_pool2d(
        below,
        window.kernel,
        window.stride,
        window.padding,
        window.dilation,
        window.ceil_mode,
        return_indices=True,
    )[1]
