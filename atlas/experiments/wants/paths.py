"""Which way a picture takes through a network: what units of the layers below do with it.

Geirhos et al. (2023, arXiv 2306.04719) found that pictures made for a unit may excite it along
another path than photographs do. So the units of each layer below are ranked by how active they
are in the part that the unit looks at, and the ranks compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atlas.data.ranking import ranks
from atlas.evidence.partial_forward import cone
from atlas.experiments.passes import values_of
from atlas.experiments.wants.frames import before
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction.windows import Span, gathered


@dataclass(frozen=True)
class Seen:
    """What a network makes of N pictures, each looked at by a unit of a layer at a position.

    ``before`` and ``after`` ``[N]`` are the unit's values before and after the nonlinearity;
    ``below`` ``[N, U]`` of each layer below the mean activations of its units in the part seen.
    """

    before: np.ndarray
    after: np.ndarray
    below: dict[str, np.ndarray]


def layers_below(network: Network, layer: Layer) -> list[Layer]:
    """The layers whose activations a layer is computed from, in order."""
    spans = cone(network.graph, layer, torch.zeros((1, 2), dtype=torch.long))
    return [
        one for one in network.layers.values() if one.node in spans and one.node is not layer.node
    ]


def seen(
    network: Network,
    layer: Layer,
    stimuli: np.ndarray,
    *,
    units: Sequence[int],
    positions: Sequence[tuple[int, int]],
    below: Sequence[Layer],
    slots: int,
) -> Seen:
    """Look at stimuli ``[N, H, W, C]`` uint8 with one unit each, at its position."""
    node = before(network, layer)
    nodes = [node, layer.node, *(one.node for one in below)]
    parts: list[list[np.ndarray]] = [[] for _ in range(2 + len(below))]
    first = 0
    for values in values_of(network, stimuli, nodes, slots=slots):
        count = len(values[layer.node])
        some = slice(first, first + count)
        rows = torch.arange(count, device=network.device)
        unit = torch.tensor(units[some], device=network.device)
        at = torch.tensor(positions[some], device=network.device)
        spans = cone(network.graph, layer, at)
        found = [
            layer.maps(values[one])[rows, unit, at[:, 0], at[:, 1]] for one in (node, layer.node)
        ]
        for one in below:
            span = spans[one.node] if one.dims == (1, 2, 3) else None
            found.append(means(one.maps(values[one.node]), span, one.shape))
        for part, value in zip(parts, found, strict=True):
            part.append(value.double().numpy(force=True))
        first += count
    whole = [np.concatenate(part) for part in parts]
    named = {one.id: own for one, own in zip(below, whole[2:], strict=True)}
    return Seen(whole[0], whole[1], named)


def means(maps: Tensor, span: Span | None, shape: tuple[int, ...]) -> Tensor:
    """Mean activations ``[N, U]`` of maps ``[N, U, H, W]`` in windows; in all of them for None.

    What of a window lies beyond the maps counts as 0.
    """
    if span is None:
        return maps.mean((2, 3))
    own = torch.arange(len(maps), device=maps.device)
    return (gathered(maps, own, span) * span.inside(shape)).mean((2, 3))


def rank_correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each row ``[N, U]`` with each ``[M, U]``; nan for constant ones."""

    def normalised(values: np.ndarray) -> np.ndarray:
        own = np.stack([ranks(row) for row in values]) if len(values) else values.astype(float)
        own -= own.mean(1, keepdims=True)
        length = np.linalg.norm(own, axis=1, keepdims=True)
        return np.divide(own, length, out=np.full_like(own, np.nan), where=length > 0)

    return normalised(one) @ normalised(other).T


def mean(values: np.ndarray) -> float:
    """The mean of those that are numbers; nan if none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
