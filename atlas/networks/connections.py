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
from atlas.networks.channels import UNKNOWN, Origin, Origins, find_origins, made_by, unknown
from atlas.networks.graph import Graph
from atlas.networks.layers import NORMS, Layer
from atlas.networks.operations import Node, Operation
from atlas.runtime.progress import Progress, silent

STRONGEST = 6  # connections of a unit to either side and of either sign, at most
IMAGE = ""  # stands for the image among a layer's parents


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

    The strongest first, at most ``STRONGEST`` of each sign: most weights of a deep unit inhibit it,
    and would leave no room for what excites it.
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
    origins = find_origins(graph, layers)
    below: dict[str, list[list[Connection]]] = {}
    above: dict[str, list[list[Connection]]] = {
        name: [[] for _ in range(layers[name].units)] for name in names
    }
    for name, layer in progress(layers.items(), len(layers), "connecting"):
        below[name] = [[] for _ in range(layer.units)]
        if name not in wanted:
            continue
        operation = made_by(graph, layer)
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
    """The strongest of each unit's connections of either sign, those without a share first."""

    def order(connection: Connection) -> float:
        return -2.0 if connection.share is None else -abs(connection.share)

    def strongest(own: list[Connection]) -> list[Connection]:
        ordered = sorted(own, key=order)
        exciting = [one for one in ordered if one.share is None or one.share > 0]
        inhibiting = [one for one in ordered if one.share is not None and one.share <= 0]
        return sorted(exciting[:STRONGEST] + inhibiting[:STRONGEST], key=order)

    return [strongest(own) for own in units]


def _joined(graph: Graph, operation: Operation, layer: Layer, origins: Origins) -> list[_Link]:
    """The links to a layer that is a sum or concatenation from the units that it joins."""
    if isinstance(operation, ops.Concatenation):
        parts = [origins.of.get(part) or unknown(graph, part) for part in operation.parts]
        layers = np.concatenate([part.layer for part in parts])
        units = np.concatenate([part.unit for part in parts])
        terms = [Origin(layers, units)]
    else:
        terms = [origins.of[node] for node in operation.inputs if node in origins.of]
    links = []
    for origin in terms:
        if len(origin.layer) != layer.units:
            continue
        for unit in range(layer.units):
            if origin.layer[unit] != UNKNOWN:
                name = origins.layers[origin.layer[unit]]
                links.append(_Link(unit, name, int(origin.unit[unit]), None))
    return links


def _filtered(graph: Graph, operation: Operation, layer: Layer, origins: Origins) -> list[_Link]:
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
        read = Origin(origin.layer[columns], origin.unit[columns])
        sources, share = _shares(weight, read)
        share = share * sign[rows, None]
        for row, column in _largest(share):
            source = sources[column]
            name, value = origins.layers[source[0]], round(float(share[row, column]), 4)
            links.append(_Link(row + group * outputs, name, source[1], value))
    return links


def _filtered_singly(
    weight: Tensor, origin: Origin, layers: Sequence[str], sign: np.ndarray
) -> list[_Link]:
    """The links of filters that read one unit each, all groups at once."""
    flat = weight.flatten(1)
    squares = flat.square().sum(1, dtype=torch.float64).cpu().numpy()
    share = squares / squares.clip(min=1e-30) * np.where(flat.sum(1).cpu() < 0, -1.0, 1.0) * sign
    read = np.arange(len(weight)) * len(origin.layer) // len(weight)
    known = (origin.layer[read] != UNKNOWN) & (share != 0)
    return [
        _Link(unit, layers[origin.layer[source]], int(origin.unit[source]), round(value, 4))
        for unit, source, value in zip(
            np.flatnonzero(known).tolist(), read[known], share[known].tolist(), strict=True
        )
    ]


def _shares(weight: Tensor, origin: Origin) -> tuple[Sequence[tuple[int, int]], np.ndarray]:
    """The S units that filters read, and the signed share of each in every filter.

    ``weight`` is ``[O, I, ...]``, and ``origin`` that of its I inputs. Returns each unit as (layer,
    unit), the layer as its place among all layers, and the shares ``[O, S]``.
    """
    layers, units = origin.layer, origin.unit
    flat = weight.flatten(2) if weight.dim() > 2 else weight[..., None]
    keys = np.stack([layers, units], 1)[layers != UNKNOWN]
    sources, inverse = np.unique(keys, axis=0, return_inverse=True)
    kept = torch.from_numpy(np.flatnonzero(layers != UNKNOWN)).to(weight.device)
    which = torch.from_numpy(inverse.reshape(-1)).to(weight.device)

    def of_sources(values: Tensor) -> np.ndarray:
        empty = torch.zeros((len(weight), len(sources)), dtype=values.dtype, device=weight.device)
        return empty.index_add_(1, which, values[:, kept]).cpu().numpy()

    squares = flat.square().sum(2, dtype=torch.float64)  # [O, I]
    share = of_sources(squares / squares.sum(1, keepdim=True).clamp(min=1e-30))
    sign = np.where(of_sources(flat.sum(2)) < 0, -1.0, 1.0)
    return [(int(layer), int(unit)) for layer, unit in sources], share * sign


def _largest(share: np.ndarray) -> list[tuple[int, int]]:
    """The (row, column) of the shares that are the strongest of a sign in their row or column."""
    chosen = np.zeros(share.shape, bool)
    for values, kept in ((share, chosen), (share.T, chosen.T)) if share.size else ():
        few = min(STRONGEST, values.shape[1])
        for strength in (values, -values):
            strongest = np.argpartition(-strength, few - 1, axis=1)[:, :few]
            np.put_along_axis(kept, strongest, True, 1)
    chosen &= share != 0
    return [(int(row), int(column)) for row, column in np.argwhere(chosen)]


def _sign_of_scale(graph: Graph, operation: Operation, layer: Layer) -> np.ndarray:
    """-1 for each unit whose batch norm has a negative scale, else 1: ``[U]``."""
    for node in operation.node.users:
        after = graph.operations.get(node)
        if isinstance(after, NORMS) and after.weight is not None:
            return np.where(after.weight.cpu().float().numpy() < 0, -1.0, 1.0)
    return np.ones(layer.units)
