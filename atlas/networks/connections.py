"""Connections: what each unit is made of and what it feeds, by the filters between layers.

They are read from the weights alone. A connection's share is the part of a filter's squared weights
that reads one unit of a layer below, with the sign of the sum of those weights. How strongly that
unit fires plays no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.layers import NORMS, Layer
from atlas.networks.operations import Node, Operation
from atlas.runtime.progress import Progress, silent

STRONGEST = 6  # connections of a unit to either side, at most
IMAGE = ""  # stands for the image among a layer's parents
_UNKNOWN = -1


@dataclass(frozen=True)
class Connection:
    """Another unit, and its share of the squared weights between the two, with their sign.

    ``share`` lies in [-1, 1]; it is None in a sum or concatenation, where no filter lies between.
    """

    layer: str
    unit: int
    share: float | None


@dataclass(frozen=True)
class Connections:
    """For each unit of a layer, its connections to the units below and to those above.

    The strongest first, at most ``STRONGEST`` of each.
    """

    below: list[list[Connection]]
    above: list[list[Connection]]


@dataclass(frozen=True)
class _Link:
    """A connection from ``source``, a unit of a layer below, to ``unit`` of the layer at hand."""

    unit: int
    layer: str
    source: int
    share: float | None


@dataclass(frozen=True)
class _Origin:
    """For each channel of a value, the unit that it is a copy of.

    ``layer`` ``[C]`` indexes the list of layers, -1 where no unit is known; ``unit`` ``[C]``.
    """

    layer: np.ndarray
    unit: np.ndarray


@dataclass(frozen=True)
class _Origins:
    """The origins of all values where they are known, and the names of the layers they index."""

    layers: list[str]
    of: dict[Node, _Origin]


def parents(graph: Graph, layers: Iterable[Layer]) -> dict[str, list[str]]:
    """For each layer the nearest layers that it is computed from; "" stands for the image."""
    at: dict[Node, list[str]] = {}
    for layer in layers:
        at.setdefault(layer.node, []).append(layer.id)
    nearest: dict[Node, dict[str, None]] = {}
    result: dict[str, list[str]] = {}
    for node, operation in graph.operations.items():
        below: dict[str, None] = {IMAGE: None} if isinstance(operation, ops.Input) else {}
        for other in operation.inputs:
            below |= dict.fromkeys(at[other][-1:]) if other in at else nearest[other]
        nearest[node] = below
        for name in at.get(node, ()):
            result[name] = list(below)
            below = {name: None}  # the next layer at the same node is computed from this one
    return result


def connections(
    graph: Graph,
    layers: Mapping[str, Layer],
    chosen: Iterable[str] | None = None,
    *,
    progress: Progress = silent,
) -> dict[str, Connections]:
    """The strongest connections between the units of a graph's layers, by layer.

    With ``chosen``, only those layers' connections to each other. ``progress`` shows how many
    layers are done.
    """
    names = list(layers)
    wanted = set(names if chosen is None else chosen)
    origins = _origins(graph, layers)
    below: dict[str, list[list[Connection]]] = {}
    above: dict[str, list[list[Connection]]] = {
        name: [[] for _ in range(layers[name].units)] for name in names
    }
    for name, layer in progress(layers.items(), len(layers), "connecting"):
        below[name] = [[] for _ in range(layer.units)]
        if name not in wanted:
            continue
        operation = _made_by(graph, layer)
        if isinstance(operation, ops.Sum | ops.Concatenation):
            links = _joined(graph, operation, layer, origins)
        else:
            links = _filtered(graph, operation, layer, origins)
        for link in links:
            if link.layer not in wanted:
                continue
            below[name][link.unit].append(Connection(link.layer, link.source, link.share))
            above[link.layer][link.source].append(Connection(name, link.unit, link.share))
    return {
        name: Connections(_strongest(below[name]), _strongest(above[name]))
        for name in names
        if name in wanted
    }


def _strongest(units: list[list[Connection]]) -> list[list[Connection]]:
    """The strongest of each unit's connections, those without a share first."""

    def order(connection: Connection) -> float:
        return -2.0 if connection.share is None else -abs(connection.share)

    return [sorted(own, key=order)[:STRONGEST] for own in units]


def _made_by(graph: Graph, layer: Layer) -> Operation:
    """The operation that makes a layer, before its batch norm and nonlinearity."""
    operation = graph.operations[layer.node]
    while isinstance(operation, (*NORMS, ops.Nonlinearity)):
        operation = graph.operations[operation.inputs[0]]
    return operation


def _origins(graph: Graph, layers: Mapping[str, Layer]) -> _Origins:
    """The unit that each channel of every value is a copy of, where that is known.

    Every unit gets a number. The numbers pass through the network in place of activations, as far
    as operations don't mix channels; where they meet a filter, they are the units that it reads.
    """
    ends = np.cumsum([0, *(layer.units for layer in layers.values())])
    first = {layer.node: int(ends[index]) for index, layer in enumerate(layers.values())}
    numbers: dict[Node, Tensor] = {}
    origins: dict[Node, _Origin] = {}
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
            which = np.where(own < 0, _UNKNOWN, np.searchsorted(ends, own, side="right") - 1)
            origins[node] = _Origin(which, np.where(own < 0, 0, own - ends[which]))
    return _Origins(list(layers), origins)


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
        n: (numbers[n] if n in numbers else torch.full((), float(_UNKNOWN)).expand(shape)).clone()
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
    if whole.min() < _UNKNOWN or whole.max() > most:
        return None
    return whole if torch.allclose(other[whole.long()], expected, rtol=1e-5, atol=0) else None


def _unknown(graph: Graph, node: Node) -> _Origin:
    channels = graph.shapes[node][_channel_dim(graph, node) - 1]
    return _Origin(np.full(channels, _UNKNOWN), np.zeros(channels, int))


def _joined(graph: Graph, operation: Operation, layer: Layer, origins: _Origins) -> list[_Link]:
    """The links to a layer that is a sum or concatenation from the units that it joins."""
    if isinstance(operation, ops.Concatenation):
        parts = [origins.of.get(part) or _unknown(graph, part) for part in operation.parts]
        layers = np.concatenate([part.layer for part in parts])
        units = np.concatenate([part.unit for part in parts])
        terms = [_Origin(layers, units)]
    else:
        terms = [origins.of[node] for node in operation.inputs if node in origins.of]
    links = []
    for origin in terms:
        if len(origin.layer) != layer.units:
            continue
        for unit in range(layer.units):
            if origin.layer[unit] != _UNKNOWN:
                name = origins.layers[origin.layer[unit]]
                links.append(_Link(unit, name, int(origin.unit[unit]), None))
    return links


def _filtered(graph: Graph, operation: Operation, layer: Layer, origins: _Origins) -> list[_Link]:
    """The links to a layer of filters that are the strongest of either unit."""
    origin = origins.of.get(operation.inputs[0])
    if origin is None or not isinstance(operation, ops.Convolution | ops.Linear):
        return []
    groups = operation.groups if isinstance(operation, ops.Convolution) else 1
    sign = _sign_of_scale(graph, operation, layer)
    outputs, inputs = layer.units // groups, len(origin.layer) // groups
    if inputs == 1:
        return _filtered_singly(operation.weight, origin, origins.layers, sign)
    links = []
    for group in range(groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        columns = slice(group * inputs, (group + 1) * inputs)
        weight = operation.weight[rows]
        read = _Origin(origin.layer[columns], origin.unit[columns])
        sources, share = _shares(weight, read)
        share = share * sign[rows, None]
        for row, column in _largest(share):
            source = sources[column]
            name, value = origins.layers[source[0]], round(float(share[row, column]), 4)
            links.append(_Link(row + group * outputs, name, source[1], value))
    return links


def _filtered_singly(
    weight: Tensor, origin: _Origin, layers: Sequence[str], sign: np.ndarray
) -> list[_Link]:
    """The links of filters that read one unit each, all groups at once."""
    flat = weight.flatten(1)
    squares = flat.square().sum(1, dtype=torch.float64).cpu().numpy()
    share = squares / squares.clip(min=1e-30) * np.where(flat.sum(1).cpu() < 0, -1.0, 1.0) * sign
    read = np.arange(len(weight)) * len(origin.layer) // len(weight)
    known = (origin.layer[read] != _UNKNOWN) & (share != 0)
    return [
        _Link(unit, layers[origin.layer[source]], int(origin.unit[source]), round(value, 4))
        for unit, source, value in zip(
            np.flatnonzero(known).tolist(), read[known], share[known].tolist(), strict=True
        )
    ]


def _shares(weight: Tensor, origin: _Origin) -> tuple[Sequence[tuple[int, int]], np.ndarray]:
    """The S units that filters read, and the signed share of each in every filter.

    ``weight`` is ``[O, I, ...]``, and ``origin`` that of its I inputs. Returns each unit as (layer,
    unit), the layer as its place among all layers, and the shares ``[O, S]``.
    """
    layers, units = origin.layer, origin.unit
    flat = weight.flatten(2) if weight.dim() > 2 else weight[..., None]
    keys = np.stack([layers, units], 1)[layers != _UNKNOWN]
    sources, inverse = np.unique(keys, axis=0, return_inverse=True)
    kept = torch.from_numpy(np.flatnonzero(layers != _UNKNOWN)).to(weight.device)
    which = torch.from_numpy(inverse.reshape(-1)).to(weight.device)

    def of_sources(values: Tensor) -> np.ndarray:
        empty = torch.zeros((len(weight), len(sources)), dtype=values.dtype, device=weight.device)
        return empty.index_add_(1, which, values[:, kept]).cpu().numpy()

    squares = flat.square().sum(2, dtype=torch.float64)  # [O, I]
    share = of_sources(squares / squares.sum(1, keepdim=True).clamp(min=1e-30))
    sign = np.where(of_sources(flat.sum(2)) < 0, -1.0, 1.0)
    return [(int(layer), int(unit)) for layer, unit in sources], share * sign


def _largest(share: np.ndarray) -> list[tuple[int, int]]:
    """The (row, column) of the shares that are among the strongest of their row or column."""
    size = np.abs(share)
    chosen = np.zeros(share.shape, bool)
    if share.size:
        for values, kept in ((size, chosen), (size.T, chosen.T)):
            few = min(STRONGEST, values.shape[1])
            strongest = np.argpartition(-values, few - 1, axis=1)[:, :few]
            np.put_along_axis(kept, strongest, True, 1)
    chosen &= size > 0
    return [(int(row), int(column)) for row, column in np.argwhere(chosen)]


def _sign_of_scale(graph: Graph, operation: Operation, layer: Layer) -> np.ndarray:
    """-1 for each unit whose batch norm has a negative scale, else 1: ``[U]``."""
    for node in operation.node.users:
        after = graph.operations.get(node)
        if isinstance(after, NORMS) and after.weight is not None:
            return np.where(after.weight.cpu().float().numpy() < 0, -1.0, 1.0)
    return np.ones(layer.units)
