"""Contributions: what each unit below adds to the pre-activation of a unit, for a stimulus.

A pre-activation, the number before the nonlinearity, is a sum. A filter adds weight times input for
every channel of its window, a sum its terms, a concatenation one channel; the batch norm after it
scales all of them and shifts the whole. What a unit below adds is the part of those channels that
are copies of it. A copy is held as the way up left it: pooled, normed, scaled by gates. So the
contribution of a unit is the difference to the pre-activation if these channels alone are set to
zero where the operation reads them. What comes by channels of no known unit, such as the image's
own, is the rest. Contributions, rest and bias add up to the pre-activation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from atlas.networks import operations as ops
from atlas.networks.channels import UNKNOWN, Origin, Origins, find_origins, made_by, unknown
from atlas.networks.graph import Graph
from atlas.networks.layers import NORMS, Layer
from atlas.networks.operations import Node, Operation

NUMBERS = 1 << 23  # of windows that are cut out at once, at most


@dataclass(frozen=True)
class Wiring:
    """Which units a layer's pre-activations are sums of.

    The pre-activation of a unit is a sum of T terms, and of a bias. Units of a group ``[U]`` have
    the same terms: ``slots`` ``[G, T]`` says to which of the group's ``sources`` ``[G, S]`` each
    belongs, or S where that is unknown. A source is a unit: its layer's place in ``layers``, -1
    for none, and its number, ``[G, S, 2]``. ``norm`` is the norm that follows ``operation``, if one
    does.
    """

    layer: Layer
    operation: Operation
    norm: Operation | None
    group: np.ndarray
    slots: np.ndarray
    sources: np.ndarray
    layers: list[str]

    def source(self, unit: int, slot: int) -> tuple[str, int] | None:
        """The layer and number of a source of a unit; None for a slot that it lacks."""
        layer, number = self.sources[self.group[unit], slot].tolist()
        return None if layer == UNKNOWN else (self.layers[layer], number)


@dataclass(frozen=True)
class Where:
    """B activations of a layer: ``stimulus`` and ``unit`` ``[B]``, ``position`` ``[B, 2]``."""

    stimulus: Tensor
    unit: Tensor
    position: Tensor


@dataclass(frozen=True)
class Parts:
    """What B pre-activations are sums of, in float64.

    ``units`` ``[B, S]`` are the contributions of each unit's sources, ``rest`` and ``bias`` ``[B]``
    what comes by other paths, and by none; ``whole`` ``[B]`` the pre-activations, as the network
    itself computes them; ``size`` ``[B]`` adds up the magnitudes of all products, for bounds.
    """

    units: np.ndarray
    rest: np.ndarray
    bias: np.ndarray
    whole: np.ndarray
    size: np.ndarray

    @property
    def sum(self) -> np.ndarray:
        """The pre-activations ``[B]``, by adding up their parts."""
        total: np.ndarray = self.units.sum(1) + self.rest + self.bias
        return total


def find_wirings(
    graph: Graph, layers: Mapping[str, Layer], chosen: Iterable[str]
) -> dict[str, Wiring]:
    """The wirings of the chosen layers whose pre-activations are known to be sums."""
    origins = find_origins(graph, layers)
    found = {name: _wiring(graph, layers[name], origins) for name in chosen}
    return {name: wiring for name, wiring in found.items() if wiring}


def contributions(
    graph: Graph, wirings: Mapping[str, Wiring], inputs: Tensor, wanted: Mapping[str, Where]
) -> Iterator[tuple[str, Parts]]:
    """Run the network once on ``[N, C, H, W]``, and take the wanted activations of layers apart."""
    reads: dict[Node, list[str]] = {}
    ends: dict[Node, list[str]] = {}
    for name in wanted:
        wiring = wirings[name]
        reads.setdefault(wiring.operation.node, []).append(name)
        ends.setdefault((wiring.norm or wiring.operation).node, []).append(name)
    if not wanted:
        return
    order = list(graph.operations)
    added: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
    with torch.no_grad():
        for node, values in graph.run(inputs, until=max(ends, key=order.index)):
            for name in reads.get(node, ()):
                added[name] = _added(wirings[name], values, wanted[name])
            for name in ends.get(node, ()):
                terms, size, bias = added.pop(name)
                scale, shift = _affine(graph, wirings[name], values, wanted[name])
                parts = terms * scale[:, None]
                at = wanted[name]
                whole = wirings[name].layer.maps(values[node])
                row, column = at.position.unbind(1)
                yield (
                    name,
                    Parts(
                        units=parts[:, :-1].numpy(),
                        rest=parts[:, -1].numpy(),
                        bias=(bias * scale + shift).numpy(),
                        whole=whole[at.stimulus, at.unit, row, column].double().cpu().numpy(),
                        size=((size + bias.abs()) * scale.abs() + shift.abs()).numpy(),
                    ),
                )


def weight_shares(graph: Graph, wiring: Wiring, unit: int) -> np.ndarray | None:
    """The share ``[S]`` of a unit's squared weights that reads each source, with their sign.

    None where no weights lie between, in a sum or concatenation.
    """
    operation = wiring.operation
    if not isinstance(operation, ops.Convolution | ops.Linear):
        return None
    weight = operation.weight[unit].double().cpu().numpy()
    weight = weight.reshape(len(weight), -1)
    slots, count = wiring.slots[wiring.group[unit]], wiring.sources.shape[1]
    squares = np.bincount(slots, (weight**2).sum(1), count + 1)
    sign = np.where(np.bincount(slots, weight.sum(1), count + 1) < 0, -1.0, 1.0)
    norm = wiring.norm
    if isinstance(norm, ops.BatchNorm | ops.GroupNorm) and norm.weight is not None:
        sign = sign * (-1.0 if float(norm.weight[unit]) < 0 else 1.0)
    shares: np.ndarray = (sign * squares / max(squares.sum(), 1e-30))[:count]
    return shares


def _wiring(graph: Graph, layer: Layer, origins: Origins) -> Wiring | None:
    operation = made_by(graph, layer)
    norm = _norm_of(graph, layer)
    if norm and (layer.dims[0] != 1 or graph.operations[norm.inputs[0]] is not operation):
        return None
    if isinstance(operation, ops.Convolution):
        if layer.dims[0] != 1:
            return None
        groups = operation.groups
    elif isinstance(operation, ops.Linear):
        if layer.dims[0] != len(graph.shapes[operation.node]):
            return None
        groups = 1
    elif isinstance(operation, ops.Sum | ops.Concatenation):
        groups = layer.units
    else:
        return None
    terms = _terms(graph, operation, layer, origins)
    columns = len(terms.layer) // groups
    numbers = np.stack([terms.layer, terms.unit], 1).reshape(groups, columns, 2)
    group = np.arange(layer.units) * groups // layer.units
    slots, sources = _grouped(numbers)
    return Wiring(layer, operation, norm, group, slots, sources, origins.layers)


def _norm_of(graph: Graph, layer: Layer) -> Operation | None:
    """The norm between the operation that makes a layer and its nonlinearity."""
    operation = graph.operations[layer.node]
    if isinstance(operation, ops.Nonlinearity):
        operation = graph.operations[operation.inputs[0]]
    return operation if isinstance(operation, NORMS) else None


def _terms(graph: Graph, operation: Operation, layer: Layer, origins: Origins) -> Origin:
    """The origins of all terms of all groups, group by group."""
    if isinstance(operation, ops.Concatenation):
        parts = [origins.of.get(part) or unknown(graph, part) for part in operation.parts]
        joined = Origin(
            np.concatenate([part.layer for part in parts]),
            np.concatenate([part.unit for part in parts]),
        )
        known = operation.axis == layer.dims[0] and len(joined.layer) == layer.units
        return joined if known else _nothing(layer.units)
    if isinstance(operation, ops.Sum):
        terms = [origins.of.get(node) for node in operation.inputs]
        same = [
            one if one and len(one.layer) == layer.units else _nothing(layer.units) for one in terms
        ]
        return Origin(
            np.stack([one.layer for one in same], 1).ravel(),
            np.stack([one.unit for one in same], 1).ravel(),
        )
    (below,) = operation.inputs
    weight = operation.weight  # type: ignore[attr-defined]
    groups = operation.groups if isinstance(operation, ops.Convolution) else 1
    origin = origins.of.get(below)
    channels = weight.shape[1] * groups
    return origin if origin and len(origin.layer) == channels else _nothing(channels)


def _nothing(channels: int) -> Origin:
    return Origin(np.full(channels, UNKNOWN), np.zeros(channels, int))


def _grouped(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slots and sources of groups of terms, given by their units ``[G, T, 2]``."""
    most_units = int(numbers[..., 1].max(initial=0)) + 1
    keys = (numbers[..., 0] - UNKNOWN) * most_units + numbers[..., 1]  # in the order of the units
    order = keys.argsort(1, kind="stable")
    ordered = np.take_along_axis(keys, order, 1)
    is_new = np.diff(ordered, axis=1, prepend=-1) != 0
    is_known = ordered >= most_units  # what isn't known comes first
    place = is_new.cumsum(1) - 1 - (is_new & ~is_known).sum(1, keepdims=True)
    slots = np.empty_like(place)
    np.put_along_axis(slots, order, place, 1)
    own = is_new & is_known
    most = int(own.sum(1).max())
    sources = np.full((len(numbers), most, 2), UNKNOWN)
    group, _ = np.nonzero(own)
    sources[group, place[own], 0] = ordered[own] // most_units + UNKNOWN
    sources[group, place[own], 1] = ordered[own] % most_units
    return np.where(slots < 0, most, slots), sources


def _added(wiring: Wiring, values: Mapping[Node, Any], at: Where) -> tuple[Tensor, Tensor, Tensor]:
    """What sources and the rest add to B values of the operation, ``[B, S + 1]``.

    And the magnitudes of all products together, and the operation's bias, ``[B]``.
    """
    operation = wiring.operation
    unit = at.unit
    group = torch.from_numpy(wiring.group)[unit.cpu()]
    slots, most = torch.from_numpy(wiring.slots), wiring.sources.shape[1]
    added = torch.zeros((len(unit), most + 1), dtype=torch.float64)
    sizes = torch.zeros(len(unit), dtype=torch.float64)
    each = slots.shape[1] * _window_size(operation)
    some = max(1, NUMBERS // each)
    for first in range(0, len(unit), some):
        part = slice(first, first + some)
        part_at = Where(at.stimulus[part], unit[part], at.position[part])
        products = _products(wiring, values, part_at)  # [B, T, ...]
        added[part].scatter_add_(1, slots[group[part]], products.flatten(2).sum(2).cpu())
        sizes[part] = products.abs().flatten(1).sum(1).cpu()
    bias = operation.bias if isinstance(operation, ops.Convolution | ops.Linear) else None
    if bias is None:
        return added, sizes, torch.zeros(len(unit), dtype=torch.float64)
    return added, sizes, bias[unit].double().cpu()


def _window_size(operation: Operation) -> int:
    if not isinstance(operation, ops.Convolution):
        return 1
    return operation.window.kernel[0] * operation.window.kernel[1]


def _products(wiring: Wiring, values: Mapping[Node, Any], at: Where) -> Tensor:
    """The products of which the terms of B values of an operation are sums: ``[B, T, ...]``."""
    operation, layer = wiring.operation, wiring.layer
    row, column = at.position.unbind(1)
    if isinstance(operation, ops.Sum):
        shape = values[operation.node].shape
        terms = [layer.maps(values[node].expand(shape)) for node in operation.inputs]
        return torch.stack([one[at.stimulus, at.unit, row, column] for one in terms], 1).double()[
            ..., None
        ]
    if isinstance(operation, ops.Concatenation):
        maps = layer.maps(values[operation.node])
        return maps[at.stimulus, at.unit, row, column].double()[:, None, None]
    (below,) = operation.inputs
    place = dict(zip(layer.dims[1:], (row, column), strict=False))  # by dimension
    if isinstance(operation, ops.Linear):
        read = tuple(place[dim] for dim in sorted(place))
        inputs = values[below][(at.stimulus, *read)].double()
        return (inputs * operation.weight[at.unit].double())[..., None]
    assert isinstance(operation, ops.Convolution)
    weight = operation.weight[at.unit].double()  # [B, I / groups, h, w]
    windows = _windows(values[below], operation, wiring, at, (place[2], place[3]))
    return windows.double() * weight


def _windows(
    value: Tensor,
    convolution: ops.Convolution,
    wiring: Wiring,
    at: Where,
    place: tuple[Tensor, Tensor],
) -> Tensor:
    """What B filters see at their place: ``[B, I / groups, h, w]``; zero beyond the borders."""
    window, device = convolution.window, value.device
    reads, inside = [], []
    for axis in (0, 1):
        steps = torch.arange(window.kernel[axis], device=device) * window.dilation[axis]
        start = place[axis] * window.stride[axis] - window.padding[axis]
        read = start[:, None] + steps  # [B, h or w]
        size = value.shape[2 + axis]
        reads.append(read.clamp(0, size - 1))
        inside.append((read >= 0) & (read < size))
    columns = convolution.weight.shape[1]
    group = torch.from_numpy(wiring.group).to(device)[at.unit]
    channel = group[:, None] * columns + torch.arange(columns, device=device)
    cut = value[
        at.stimulus[:, None, None, None],
        channel[:, :, None, None],
        reads[0][:, None, :, None],
        reads[1][:, None, None, :],
    ]
    mask = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return torch.where(mask, cut, 0)


def _affine(
    graph: Graph, wiring: Wiring, values: Mapping[Node, Any], at: Where
) -> tuple[Tensor, Tensor]:
    """The factor and the shift ``[B]`` of the norm that follows the operation.

    Those of a group norm are held at the statistics of the stimulus.
    """
    norm, unit = wiring.norm, at.unit
    if norm is None:
        one = torch.ones(len(unit), dtype=torch.float64)
        return one, torch.zeros_like(one)
    (below,) = norm.inputs
    shape, dtype, device = graph.shapes[below], values[below].dtype, values[below].device
    if isinstance(norm, ops.GroupNorm):
        maps = values[below].double()
        grouped = maps.reshape(len(maps), norm.groups, -1)
        factor = (grouped.var(2, correction=0) + norm.epsilon).rsqrt()[at.stimulus]
        mean = grouped.mean(2)[at.stimulus]
        of_unit = (unit // (maps.shape[1] // norm.groups))[:, None]
        own = factor.gather(1, of_unit)[:, 0]
        if norm.weight is not None:
            own = own * norm.weight.detach()[unit].double()
        nothing = torch.zeros((1, *shape), dtype=dtype, device=device)  # comes out as the shift
        shift = graph.evaluate(norm.node, {below: nothing}, 1)[0, :, 0, 0][unit].double()
        return own.cpu(), (shift - mean.gather(1, of_unit)[:, 0] * own).cpu()
    with torch.enable_grad():
        ones = [1] * (len(shape) - 1)
        zero = torch.zeros((1, shape[0], *ones), dtype=dtype, device=device, requires_grad=True)
        shift = graph.evaluate(norm.node, {below: zero}, 1)
        (factor,) = torch.autograd.grad(shift.sum(), zero)
    return (
        factor.reshape(-1)[unit].double().cpu(),
        shift.detach().reshape(-1)[unit].double().cpu(),
    )
