"""What a unit is made of and what it feeds: the strongest filters between neighbouring layers.

Read from the weights alone: of a filter's squared weights, the share that looks at one unit of a
layer below, with the sign of those weights' sum. How strongly that unit fires is another matter.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.networks.graph import Graph, Node, Operation, concatenation
from atlas.networks.layers import Layer

STRONGEST = 6  # on either side of a unit
IMAGE = ""  # where the layer would stand in an origin, for the channels of the input
_UNKNOWN = -1


@dataclass(frozen=True)
class Connection:
    """Another unit, and its share of the squared weights between, with their sign.

    ``share`` lies in [-1, 1]; it is None where no filter lies between, in a sum or concatenation.
    """

    layer: str
    unit: int
    share: float | None


@dataclass(frozen=True)
class Connections:
    """For each unit of a layer, the units below that it is made of and those above that it feeds.

    Strongest first, at most ``STRONGEST`` of each.
    """

    below: list[list[Connection]]
    above: list[list[Connection]]


@dataclass(frozen=True)
class _Origin:
    """For each channel of a value the layer and unit it comes from unmixed.

    ``layer`` ``[C]`` indexes the list of layers, -1 where that is unknown; ``unit`` ``[C]``.
    """

    layer: np.ndarray
    unit: np.ndarray


def parents(graph: Graph, layers: Iterable[Layer]) -> dict[str, list[str]]:
    """For each layer the layers it is computed from with none between; "" stands for the image."""
    at: dict[Node, list[str]] = {}
    for layer in layers:
        at.setdefault(layer.node, []).append(layer.id)
    found: dict[Node, dict[str, None]] = {}
    result: dict[str, list[str]] = {}
    for node, operation in graph.operations.items():
        below: dict[str, None] = {IMAGE: None} if operation.kind == "input" else {}
        for other in operation.inputs:
            below |= dict.fromkeys(at[other][-1:]) if other in at else found[other]
        found[node] = below
        for name in at.get(node, ()):
            result[name] = list(below)
            below = {name: None}  # two layers at one node follow each other
    return result


def connections(
    graph: Graph, layers: Mapping[str, Layer], chosen: Iterable[str] | None = None
) -> dict[str, Connections]:
    """The strongest connections between units of a graph's layers, by layer.

    With ``chosen``, of those layers alone, and to none of the others.
    """
    names = list(layers)
    wanted = set(names if chosen is None else chosen)
    origins = _origins(graph, layers)
    below: dict[str, list[list[Connection]]] = {}
    above: dict[str, list[list[Connection]]] = {
        name: [[] for _ in range(layers[name].units)] for name in names
    }
    for name, layer in layers.items():
        below[name] = [[] for _ in range(layer.units)]
        if name not in wanted:
            continue
        operation = _made_by(graph, layer)
        if operation.kind in ("sum", "concatenation"):
            found = _joined(graph, operation, origins, names, layer.units)
        else:
            found = _filtered(graph, operation, layer, origins, names)
        for unit, other, share in found:
            if other.layer not in wanted:
                continue
            below[name][unit].append(Connection(other.layer, other.unit, share))
            above[other.layer][other.unit].append(Connection(name, unit, share))
    return {
        name: Connections(_strongest(below[name]), _strongest(above[name]))
        for name in names
        if name in wanted
    }


def _strongest(units: list[list[Connection]]) -> list[list[Connection]]:
    def order(one: Connection) -> float:
        return -2.0 if one.share is None else -abs(one.share)

    return [sorted(found, key=order)[:STRONGEST] for found in units]


def _made_by(graph: Graph, layer: Layer) -> Operation:
    """The operation that makes a layer, before its batch norm and nonlinearity."""
    operation = graph.operations[layer.node]
    while operation.kind == "module" and not isinstance(operation.module, nn.Conv2d | nn.Linear):
        operation = graph.operations[operation.inputs[0]]
    return operation


def _origins(graph: Graph, layers: Mapping[str, Layer]) -> dict[Node, _Origin]:
    """Where the channels of every value come from, as far as that is known.

    Every unit has a number, and numbers go through the network in the place of activations, past
    all that mixes no channels; what they meet at a filter is what it looks at.
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
            found = _passed_on(graph, operation, numbers)
            if found is None or tuple(found.shape) != graph.shapes[node]:
                continue
            numbers[node] = found
        own = _of_channels(graph, node, numbers[node])
        if own is not None:
            which = np.where(own < 0, _UNKNOWN, np.searchsorted(ends, own, side="right") - 1)
            origins[node] = _Origin(which, np.where(own < 0, 0, own - ends[which]))
    return origins


def _channel_dim(graph: Graph, node: Node) -> int:
    """The dimension of a node's value, counted with the batch, that is neither row nor column."""
    rest = set(range(1, len(graph.shapes[node]) + 1)) - set(graph.dims.get(node) or ())
    return min(rest, default=1)


def _spread(graph: Graph, node: Node, of_channels: Tensor) -> Tensor:
    """One number for each channel, everywhere in a node's value; takes no memory."""
    shape, dim = graph.shapes[node], _channel_dim(graph, node) - 1
    view = [-1 if i == dim else 1 for i in range(len(shape))]
    return of_channels.to(graph.device, graph.dtype).view(view).expand(shape)


def _of_channels(graph: Graph, node: Node, numbers: Tensor) -> np.ndarray | None:
    """The inverse of ``_spread``; None where a channel has different numbers."""
    dim = _channel_dim(graph, node) - 1
    if dim >= numbers.dim():
        return None
    rows = numbers.movedim(dim, 0)
    first = rows.flatten(1)[:, 0] if rows.dim() > 1 else rows
    same = torch.equal(rows, first.view([-1] + [1] * (rows.dim() - 1)).expand_as(rows))
    return first.long().cpu().numpy() if same else None


def _passed_on(graph: Graph, operation: Operation, numbers: Mapping[Node, Tensor]) -> Tensor | None:
    """The numbers in an operation's output, if it mixes no channels."""
    node, known = operation.node, [n for n in operation.inputs if n in numbers]
    if not known:
        return None
    if operation.kind in ("sum", "product") or node.target in _IN_PLACE:  # a gate, a norm, a scale
        maps = [n for n in known if graph.shapes[n] == graph.shapes[node]]
        return numbers[maps[0]] if maps else None
    module = operation.module
    if isinstance(module, nn.Conv2d | nn.Linear):
        return None
    if module is not None and not isinstance(module, _MOVING):  # pooling, norms, nonlinearities
        own = _of_channels(graph, known[0], numbers[known[0]])
        return None if own is None else _spread(graph, node, torch.from_numpy(own))
    if operation.kind != "concatenation" and len(known) < len(operation.inputs):
        return None
    return _moved(graph, operation, numbers)


# functions whose output has every channel where their first input has it
_IN_PLACE = {F.layer_norm, F.group_norm, operator.mul, torch.mul, operator.add, torch.add}
# modules that put values elsewhere, or leave them where and as they are
_MOVING = (nn.Flatten, nn.Unflatten, nn.ChannelShuffle, nn.Identity, nn.Dropout, nn.Dropout2d)


def _moved(graph: Graph, operation: Operation, numbers: Mapping[Node, Tensor]) -> Tensor | None:
    """Through an operation of unknown kind, if all it does to numbers is to put them elsewhere.

    Then it does the same to any other values in their stead.
    """
    given = {
        n: (numbers[n] if n in numbers else torch.full((), float(_UNKNOWN)).expand(shape)).clone()
        for n in operation.inputs
        for shape in [graph.shapes[n]]
    }
    most = int(max(values.max() for values in given.values()))
    other = torch.rand(most + 2, generator=torch.Generator().manual_seed(0)) + 1
    other = other.to(graph.device, graph.dtype)
    try:
        with torch.no_grad():
            found = graph.evaluate(operation.node, {n: v[None] for n, v in given.items()})[0]
            renamed = {n: other[v.long()][None] for n, v in given.items()}
            expected = graph.evaluate(operation.node, renamed)[0]
    except (RuntimeError, IndexError, ValueError, TypeError, KeyError):
        return None
    whole = found.round()
    if whole.min() < _UNKNOWN or whole.max() > most:
        return None
    return whole if torch.allclose(other[whole.long()], expected, rtol=1e-5, atol=0) else None


def _unknown(graph: Graph, node: Node) -> _Origin:
    channels = graph.shapes[node][_channel_dim(graph, node) - 1]
    return _Origin(np.full(channels, _UNKNOWN), np.zeros(channels, int))


_PARTS = ("layer", "unit")
Found = list[tuple[int, Connection, float | None]]


def _joined(
    graph: Graph,
    operation: Operation,
    origins: Mapping[Node, _Origin],
    names: list[str],
    units: int,
) -> Found:
    """What each channel of a sum or concatenation is joined from."""
    if operation.kind == "concatenation":
        parts = concatenation(operation.node)[1]
        each = [origins.get(part) or _unknown(graph, part) for part in parts]
        whole = [_Origin(*(np.concatenate([getattr(o, f) for o in each]) for f in _PARTS))]
    else:
        whole = [origins[node] for node in operation.inputs if node in origins]
    found: Found = []
    for origin in whole:
        if len(origin.layer) != units:
            continue
        for unit in range(units):
            if origin.layer[unit] != _UNKNOWN:
                name = names[origin.layer[unit]]
                found.append((unit, Connection(name, int(origin.unit[unit]), None), None))
    return found


def _filtered(
    graph: Graph,
    operation: Operation,
    layer: Layer,
    origins: Mapping[Node, _Origin],
    names: list[str],
) -> Found:
    """The strongest filters of a layer, seen from its own units and from those below."""
    module = operation.module
    origin = origins.get(operation.inputs[0])
    if origin is None or not isinstance(module, nn.Conv2d | nn.Linear):
        return []
    groups = module.groups if isinstance(module, nn.Conv2d) else 1
    sign = _sign_of_scale(graph, operation, layer)
    found: Found = []
    outputs, inputs = layer.units // groups, len(origin.layer) // groups
    for group in range(groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        columns = slice(group * inputs, (group + 1) * inputs)
        weight = module.weight[rows].detach()
        sources, share = _shares(weight, origin.layer[columns], origin.unit[columns])
        share = share * sign[rows, None]
        for row, column in _largest(share):
            name = names[sources[column][0]]
            value = round(float(share[row, column]), 4)
            unit = int(row) + group * outputs
            found.append((unit, Connection(name, int(sources[column][1]), value), value))
    return found


def _shares(
    weight: Tensor, layers: np.ndarray, units: np.ndarray
) -> tuple[list[tuple[int, int]], np.ndarray]:
    """The units that inputs come from, and each one's signed share of the rows' squared weights.

    ``weight`` is ``[O, I, ...]``, the origins ``[I]``; the shares ``[O, S]``.
    """
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
    """The places that are among the strongest of their row or of their column."""
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
    """-1 for units whose batch norm turns the sign of what the filter says, else 1."""
    for node in operation.node.users:
        after = graph.operations.get(node)
        module = after.module if after else None
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) and module.weight is not None:
            return np.where(module.weight.detach().cpu().numpy() < 0, -1.0, 1.0)
    return np.ones(layer.units)
