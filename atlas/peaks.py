"""Each feature map's maximum, and where it first stands, while the network makes the maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.compiled import compiled, serve, shared
from atlas.graph import Graph, Node, concatenation, pair
from atlas.network import Network
from atlas.units import Layer

Peaks = tuple[Tensor, Tensor]  # values and places, ``[N, U]``


def peaks_of(
    network: Network, inputs: Tensor, layers: list[Layer]
) -> Iterator[tuple[Layer, Tensor, Tensor]]:
    """Run the network once, giving each layer's peaks in turn, as ``peaks`` does."""
    known: dict[Node, Peaks] = {}
    for layer, values in network.walk(inputs, layers):
        found = _joined(network.graph, layer, known) or _pooled(network.graph, layer, values)
        known[layer.node] = found or peaks(layer.maps(values[layer.node]))
        yield layer, *known[layer.node]


def peaks(maps: Tensor) -> Peaks:
    """Each feature map's maximum and the first place it stands at: ``[N, U, H, W]`` to ``[N, U]``.

    The place counts positions in row-major order.
    """
    if maps.device.type != "cpu":
        value, place = maps.flatten(2).max(2)
        return value, place
    # the same several times as fast: units side by side in memory are compared at once
    value, place = F.adaptive_max_pool2d(maps, 1, return_indices=True)
    return value.flatten(1), place.flatten(1)


def _joined(graph: Graph, layer: Layer, known: Mapping[Node, Peaks]) -> Peaks | None:
    """The peaks of a concatenation of layers whose peaks are known; None if it isn't one."""
    if graph.operations[layer.node].kind != "concatenation":
        return None
    axis, parts = concatenation(layer.node)
    if axis % 4 != layer.dims[0] or any(part not in known for part in parts):
        return None
    value, place = (torch.cat([known[part][i] for part in parts], 1) for i in (0, 1))
    return value, place


def _pooled(graph: Graph, layer: Layer, values: dict[Node, Any]) -> Peaks | None:
    """The peaks of maps that are pooled next: those of the pooled maps, a quarter of the reading.

    None if they aren't. What was pooled is put among the ``values``, as the network would have it.
    """
    maps = values[layer.node]
    above = [graph.operations.get(user) for user in layer.node.users]
    module = above[0].module if len(above) == 1 and above[0] else None
    if not isinstance(module, nn.MaxPool2d) or module.return_indices or layer.dims != (1, 2, 3):
        return None
    if not serve(maps.device, maps.dtype):
        return None
    settings = module.kernel_size, module.stride, module.padding, module.dilation, module.ceil_mode
    pooled, switches = F.max_pool2d(maps, *settings, return_indices=True)
    if not _covers(module, layer.shape[1:], (pooled.shape[2], pooled.shape[3])):
        return None
    assert above[0]
    values[above[0].node] = pooled
    value, place = pooled.new_empty(pooled.shape[:2]), switches.new_empty(pooled.shape[:2])
    arrays = pooled.permute(0, 2, 3, 1).contiguous(), switches.permute(0, 2, 3, 1), value, place
    shared(_first, len(maps), *(array.numpy() for array in arrays))
    return value, place


def _covers(module: nn.MaxPool2d, size: tuple[int, ...], windows: tuple[int, int]) -> bool:
    """Whether every position of maps of this size lies in one of so many windows."""
    if pair(module.dilation) != (1, 1):
        return False
    kernel, stride, padding = (
        pair(each) for each in (module.kernel_size, module.stride, module.padding)
    )
    return all(
        stride[i] <= kernel[i] and (windows[i] - 1) * stride[i] - padding[i] + kernel[i] >= size[i]
        for i in (0, 1)
    )


@compiled
def _first(pooled, switches, value, place, first, last):  # type: ignore[no-untyped-def]
    _, height, width, units = pooled.shape
    where = np.empty(units, np.int64)
    for n in range(first, last):
        best = value[n]
        best[:] = pooled[n, 0, 0]
        where[:] = 0
        for y in range(height):
            for x in range(width):
                here, spot = pooled[n, y, x], y * width + x
                for unit in range(units):
                    larger = (here[unit] > best[unit]) | (here[unit] != here[unit])  # or no number
                    best[unit] = here[unit] if larger else best[unit]
                    where[unit] = spot if larger else where[unit]
        for unit in range(units):
            y, x = where[unit] // width, where[unit] % width
            least = switches[n, y, x, unit]
            # windows overlap, so one further right may see the same maximum at an earlier place;
            # one further down sees none that no window of this row does
            for right in range(x + 1, width):
                if pooled[n, y, right, unit] == best[unit]:
                    least = min(least, switches[n, y, right, unit])
            place[n, unit] = least
