"""Channels: of which unit each channel of any value in a network is a copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.layers import NORMS, Layer
from atlas.networks.operations import Node, Operation

UNKNOWN = -1


@dataclass(frozen=True)
class Origin:
    """For each channel of a value, the unit that it is a copy of.

    ``layer`` ``[C]`` indexes the list of layers, -1 where no unit is known; ``unit`` ``[C]``.
    """

    layer: np.ndarray
    unit: np.ndarray


@dataclass(frozen=True)
class Origins:
    """The origins of all values where they are known, and the names of the layers they index."""

    layers: list[str]
    of: dict[Node, Origin]


def made_by(graph: Graph, layer: Layer) -> Operation:
    """The operation that makes a layer, before its batch norm and nonlinearity."""
    operation = graph.operations[layer.node]
    while isinstance(operation, (*NORMS, ops.Nonlinearity)):
        operation = graph.operations[operation.inputs[0]]
    return operation


def find_origins(graph: Graph, layers: Mapping[str, Layer]) -> Origins:
    """The unit that each channel of every value is a copy of, where that is known.

    Every unit gets a number. The numbers pass through the network in place of activations, as far
    as operations don't mix channels; where they meet a filter, they are the units that it reads.
    """
    ends = np.cumsum([0, *(layer.units for layer in layers.values())])
    first = {layer.node: int(ends[index]) for index, layer in enumerate(layers.values())}
    numbers: dict[Node, Tensor] = {}
    origins: dict[Node, Origin] = {}
    for node, operation in graph.operations.items():
        if node in first:
            units = graph.shapes[node][_channel_dim(graph, node) - 1]
            numbers[node] = _spread(graph, node, torch.arange(units) + first[node])
        else:
            passed = _passed_on(graph, operation, numbers)
            if passed is None or tuple(passed.shape) != graph.shapes[node]:
                continue
            numbers[node] = passed
        own = _of_channels(graph, node, numbers[node])
        if own is not None:
            which = np.where(own < 0, UNKNOWN, np.searchsorted(ends, own, side="right") - 1)
            origins[node] = Origin(which, np.where(own < 0, 0, own - ends[which]))
    return Origins(list(layers), origins)


def _channel_dim(graph: Graph, node: Node) -> int:
    """The dimension of a node's value (counted with the batch) that is channels."""
    fields = graph.fields.get(node)
    dims = fields.dims if fields else None
    rest = set(range(1, len(graph.shapes[node]) + 1)) - set(dims or ())
    return min(rest, default=1)


def _spread(graph: Graph, node: Node, of_channels: Tensor) -> Tensor:
    """A node's value that holds each channel's number everywhere; a view without memory."""
    shape, dim = graph.shapes[node], _channel_dim(graph, node) - 1
    view = [-1 if i == dim else 1 for i in range(len(shape))]
    return of_channels.to(graph.device, graph.dtype).view(view).expand(shape)


def _of_channels(graph: Graph, node: Node, numbers: Tensor) -> np.ndarray | None:
    """The inverse of ``_spread``; None if a channel holds different numbers."""
    dim = _channel_dim(graph, node) - 1
    if dim >= numbers.dim():
        return None
    rows = numbers.movedim(dim, 0)
    first = rows.flatten(1)[:, 0] if rows.dim() > 1 else rows
    same = torch.equal(rows, first.view([-1] + [1] * (rows.dim() - 1)).expand_as(rows))
    return first.long().cpu().numpy() if same else None


def _passed_on(graph: Graph, operation: Operation, numbers: Mapping[Node, Tensor]) -> Tensor | None:
    """The numbers in an operation's output; None if it mixes channels or no number is known."""
    node = operation.node
    known = [n for n in operation.inputs if n in numbers]
    if not known or isinstance(operation, ops.Convolution | ops.Linear | ops.Mixing):
        return None
    if isinstance(operation, ops.Sum | ops.Product) or operation.name in _NORMS:
        maps = [n for n in known if graph.shapes[n] == graph.shapes[node]]
        return numbers[maps[0]] if maps else None
    if isinstance(operation, _CHANNEL_BY_CHANNEL):
        own = _of_channels(graph, known[0], numbers[known[0]])
        return None if own is None else _spread(graph, node, torch.from_numpy(own))
    if not isinstance(operation, ops.Concatenation) and len(known) < len(operation.inputs):
        return None
    return _moved(graph, operation, numbers)


_CHANNEL_BY_CHANNEL = (
    ops.BatchNorm, ops.Nonlinearity, ops.MaxPooling, ops.AdaptiveMaxPooling, ops.AveragePooling,
    ops.AdaptiveAveragePooling,
)  # fmt: skip
_NORMS = {"layer_norm", "group_norm", "instance_norm", "rms_norm"}


def _moved(graph: Graph, operation: Operation, numbers: Mapping[Node, Tensor]) -> Tensor | None:
    """The numbers after an operation of any kind that does nothing but move values.

    None if it does anything else: then other values in place of the numbers move differently.
    """
    inputs = {
        n: (numbers[n] if n in numbers else torch.full((), float(UNKNOWN)).expand(shape)).clone()
        for n in operation.inputs
        for shape in [graph.shapes[n]]
    }
    most = int(max(values.max() for values in inputs.values()))
    other = torch.rand(most + 2, generator=torch.Generator().manual_seed(0)) + 1
    other = other.to(graph.device, graph.dtype)
    try:
        with torch.no_grad():
            moved = graph.evaluate(operation.node, {n: v[None] for n, v in inputs.items()}, 1)[0]
            renamed = {n: other[v.long()][None] for n, v in inputs.items()}
            expected = graph.evaluate(operation.node, renamed, 1)[0]
    except (RuntimeError, IndexError, ValueError, TypeError, KeyError):
        return None
    whole = moved.round()
    if whole.min() < UNKNOWN or whole.max() > most:
        return None
    return whole if torch.allclose(other[whole.long()], expected, rtol=1e-5, atol=0) else None


def unknown(graph: Graph, node: Node) -> Origin:
    """The origin of a value's channels where none is known."""
    channels = graph.shapes[node][_channel_dim(graph, node) - 1]
    return Origin(np.full(channels, UNKNOWN), np.zeros(channels, int))
