"""Connections: what each unit is made of and what it feeds, by the filters between layers.

They are read from the weights alone. A connection's share is the part of a filter's squared weights
that reads one unit of a layer below, with the sign of the sum of those weights. How strongly that
unit fires plays no part.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

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
class _Links:
    """n connections from units of layers below to units of the layer at hand, all ``[n]``.

    From the unit ``source`` of the layer at place ``layer`` among all to ``unit``; ``share`` is NaN
    where no filter lies between.
    """

    unit: np.ndarray
    layer: np.ndarray
    source: np.ndarray
    share: np.ndarray


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
    places = [place for place, name in enumerate(names) if name in wanted]
    origins = find_origins(graph, layers)
    below: dict[str, list[list[Connection]]] = {}
    feeding: dict[int, list[tuple[int, _Links]]] = {}  # by the layer that feeds, and the one fed
    for place, (name, layer) in enumerate(progress(layers.items(), len(layers), "connecting")):
        if name not in wanted:
            continue
        operation = made_by(graph, layer)
        if isinstance(operation, ops.Sum | ops.Concatenation):
            links = _joined(graph, operation, layer, origins)
        else:
            links = _filtered(graph, operation, layer, origins)
        links = _chosen(links, np.isin(links.layer, places))
        below[name] = _strongest(
            names, layer.units, links.unit, links.layer, links.source, links.share
        )
        for feeds in np.unique(links.layer).tolist():
            feeding.setdefault(feeds, []).append((place, _chosen(links, links.layer == feeds)))
    above = {}
    for place, name in enumerate(names):
        fed = feeding.get(place, [])
        links = _together([links for _, links in fed])
        fed_layers = np.repeat([layer for layer, _ in fed], [len(links.unit) for _, links in fed])
        above[name] = _strongest(
            names, layers[name].units, links.source, fed_layers, links.unit, links.share
        )
    return {name: Connections(below[name], above[name]) for name in names if name in wanted}


def _together(some: list[_Links]) -> _Links:
    return _Links(
        *(
            np.concatenate([getattr(links, one.name) for links in some] or [np.zeros(0, int)])
            for one in fields(_Links)
        )
    )


def _chosen(links: _Links, which: np.ndarray) -> _Links:
    return _Links(links.unit[which], links.layer[which], links.source[which], links.share[which])


def _strongest(
    names: list[str],
    units: int,
    unit: np.ndarray,
    layer: np.ndarray,
    other: np.ndarray,
    share: np.ndarray,
) -> list[list[Connection]]:
    """The strongest connections of each of a layer's units of either sign, the strongest first.

    There are n connections, from ``unit`` to the unit ``other`` of ``layer``, a place among
    ``names``. Those without a share come first, and among equals those that excite.
    """
    strength = np.where(np.isnan(share), 2, np.abs(share))
    inhibits = share <= 0
    order = np.lexsort((inhibits, -strength, unit))
    of_sign = 2 * unit[order] + inhibits[order]
    by_sign = np.argsort(of_sign, kind="stable")
    first = np.searchsorted(of_sign[by_sign], of_sign[by_sign])
    rank = np.empty(len(order), int)
    rank[by_sign] = np.arange(len(order)) - first
    found: list[list[Connection]] = [[] for _ in range(units)]
    kept = order[rank < STRONGEST]
    columns = (unit[kept], layer[kept], other[kept], share[kept])
    for own, place, number, value in zip(*(column.tolist() for column in columns), strict=True):
        found[own].append(Connection(names[place], number, None if math.isnan(value) else value))
    return found


def _joined(graph: Graph, operation: Operation, layer: Layer, origins: Origins) -> _Links:
    """The links to a layer that is a sum or concatenation from the units that it joins."""
    if isinstance(operation, ops.Concatenation):
        parts = [origins.of.get(part) or unknown(graph, part) for part in operation.parts]
        layers = np.concatenate([part.layer for part in parts])
        units = np.concatenate([part.unit for part in parts])
        terms = [Origin(layers, units)]
    else:
        terms = [origins.of[node] for node in operation.inputs if node in origins.of]
    known = [
        (units, origin.layer[units], origin.unit[units], np.full(len(units), np.nan))
        for origin in terms
        if len(origin.layer) == layer.units
        for units in [np.flatnonzero(origin.layer != UNKNOWN)]
    ]
    return _together([_Links(*one) for one in known])


def _filtered(graph: Graph, operation: Operation, layer: Layer, origins: Origins) -> _Links:
    """The links to a layer of filters that are the strongest of either unit."""
    origin = origins.of.get(operation.inputs[0])
    if origin is None or not isinstance(operation, ops.Convolution | ops.Linear):
        return _together([])
    groups = operation.groups if isinstance(operation, ops.Convolution) else 1
    sign = _sign_of_scale(graph, operation, layer)
    outputs, inputs = layer.units // groups, len(origin.layer) // groups
    if inputs == 1:
        return _filtered_singly(operation.weight, origin, sign)
    links = []
    for group in range(groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        columns = slice(group * inputs, (group + 1) * inputs)
        weight = operation.weight[rows]
        read = Origin(origin.layer[columns], origin.unit[columns])
        sources, share = _shares(weight, read)
        share = share * sign[rows, None]
        row, column = _largest(share)
        read_layer, read_unit = sources[column].T
        value = _rounded(share[row, column])
        links.append(_Links(row + group * outputs, read_layer, read_unit, value))
    return _together(links)


def _filtered_singly(weight: Tensor, origin: Origin, sign: np.ndarray) -> _Links:
    """The links of filters that read one unit each, all groups at once."""
    flat = weight.flatten(1)
    squares = flat.square().sum(1, dtype=torch.float64).cpu().numpy()
    share = squares / squares.clip(min=1e-30) * np.where(flat.sum(1).cpu() < 0, -1.0, 1.0) * sign
    read = np.arange(len(weight)) * len(origin.layer) // len(weight)
    known = (origin.layer[read] != UNKNOWN) & (share != 0)
    source = read[known]
    return _Links(
        np.flatnonzero(known), origin.layer[source], origin.unit[source], _rounded(share[known])
    )


def _rounded(shares: np.ndarray) -> np.ndarray:
    return np.array([round(share, 4) for share in shares.tolist()], float)


def _shares(weight: Tensor, origin: Origin) -> tuple[np.ndarray, np.ndarray]:
    """The S units that filters read, and the signed share of each in every filter.

    ``weight`` is ``[O, I, ...]``, and ``origin`` that of its I inputs. Returns each unit as (place
    of its layer among all layers, its number), ``[S, 2]``, and the shares ``[O, S]``.
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
    return sources, share * sign


def _largest(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the shares are that are the strongest of a sign in their row or column: [n], [n]."""
    chosen = np.zeros(share.shape, bool)
    for values, kept in ((share, chosen), (share.T, chosen.T)) if share.size else ():
        few = min(STRONGEST, values.shape[1])
        for strength in (values, -values):
            strongest = np.argpartition(-strength, few - 1, axis=1)[:, :few]
            np.put_along_axis(kept, strongest, True, 1)
    chosen &= share != 0
    row, column = np.nonzero(chosen)
    return row, column


def _sign_of_scale(graph: Graph, operation: Operation, layer: Layer) -> np.ndarray:
    """-1 for each unit whose batch norm has a negative scale, else 1: ``[U]``."""
    for node in operation.node.users:
        after = graph.operations.get(node)
        if isinstance(after, NORMS) and after.weight is not None:
            return np.where(after.weight.cpu().float().numpy() < 0, -1.0, 1.0)
    return np.ones(layer.units)
