"""Peaks: the strongest activation of every unit in every image, of a network and of its twin.

What names units, tells one thing from several, and asks what a person would tell, reads these. They
are computed in one pass over the images, and one of the control twin's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Node

MOST = 20_000_000  # peaks that are kept of an atlas, of its twin's units, too
TWINS, SHOWN_TWIN = 64, 800  # units of a layer's twin, and images that it looks at, at most
FEWEST = 60  # images that can speak for a unit


@dataclass(frozen=True)
class LayerPeaks:
    """The peaks of a layer's U units in N images, ``[N, U]`` float32, and of some of its twin's.

    ``twin`` ``[T, V]`` are those of V of the twin's units in the images that stand in ``rows``.
    """

    own: np.ndarray
    twin: np.ndarray
    rows: np.ndarray

    def of(self, rows: np.ndarray) -> LayerPeaks:
        """The same in some of the images, by their rows, in order."""
        place = np.full(len(self.own), -1)
        place[rows] = np.arange(len(rows))
        there = place[self.rows] >= 0
        return LayerPeaks(self.own[rows], self.twin[there], place[self.rows[there]])


@dataclass(frozen=True)
class Seen:
    """What a network and its twin make of N images: ``images`` are their indices.

    ``features`` ``[N, D]`` float32 are the network's last features; ``twin`` ``[T, D]`` are its
    twin's of the images that stand in ``rows``.
    """

    images: np.ndarray
    features: np.ndarray
    twin: np.ndarray
    rows: np.ndarray


def looked_at(usable: Sequence[int], units: int) -> list[int]:
    """The images whose peaks are kept: all, or as many as ``MOST`` allows, at random."""
    most = max(MOST // max(units, 1), FEWEST)
    return [usable[place] for place in drawn(len(usable), most)]


def drawn(count: int, most: int) -> list[int]:
    """At most so many of ``count`` places, at random, in order: every k-th could miss classes."""
    order = np.random.Generator(np.random.Philox(0)).permutation(count)
    return sorted(int(place) for place in order[:most])


def peaks_of(
    graph: Graph, network: Network, stimuli: np.ndarray, layers: Sequence[Layer], features: Node,
    *, slots: int, places: Sequence[int],
) -> tuple[dict[str, np.ndarray], torch.Tensor]:  # fmt: skip
    """The peaks of ``layers`` in at most ``slots`` stimuli, and the value of one node.

    ``graph`` is the network's, or its twin's. ``places`` are the stimuli's slots; empty slots hold
    the first stimulus again, so the peaks don't depend on how many stimuli there are.
    """
    filled = np.repeat(stimuli[:1], slots, axis=0)
    filled[list(places)] = stimuli
    rows = torch.tensor(places, device=network.device)
    at: dict[Node, list[Layer]] = {}
    for layer in layers:
        at.setdefault(layer.node, []).append(layer)
    waiting = {*at, features}
    found: dict[str, np.ndarray] = {}
    value = torch.empty(0)
    with torch.inference_mode():
        for node, values in graph.run(network.inputs(filled)):
            for layer in at.get(node, ()):
                own = layer.maps(values[node]).flatten(2).amax(2)
                found[layer.id] = own.float().numpy(force=True)[list(places)]
            if node is features:
                value = values[node][rows]
            waiting.discard(node)
            if not waiting:
                break
    return found, value


def halved(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values ``[N, U]`` as float16 of each unit's own scale, and these scales, powers of two."""
    largest = np.abs(values).max(0, initial=0)
    scale = np.exp2(np.ceil(np.log2(np.maximum(largest, 1e-30)))).astype(np.float32)
    return (values / scale).astype(np.float16) + np.float16(0), scale  # there is one zero


def kept(values: np.ndarray) -> np.ndarray:
    """Values ``[N, U]`` as they are kept in files, and so as everything is found from: float32."""
    halves, scale = halved(values)
    as_kept: np.ndarray = halves.astype(np.float32) * scale
    return as_kept


def whole(parts: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """The values again, float32."""
    values: np.ndarray = parts[name].astype(np.float32) * parts[f"{name}_scale"]
    return values
