"""Winners of a layer in pieces, with what goes down from them, for stages after the second pass.

A piece is computed by itself, from its winners' images alone, so that its result is the same
whichever rank computes it, and whatever else is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from atlas.data.documents import UnitNine
from atlas.data.records import Pair
from atlas.drawing import pixels
from atlas.evidence.trials import TrialInputs, Winners
from atlas.networks.batching import MEMORY
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction.deconvnet import one_hot_signal, project_back
from atlas.reconstruction.projection import Recording
from atlas.reconstruction.recording import record
from atlas.reconstruction.windows import Window

TOGETHER = 64  # winners of a piece, at most


@dataclass(frozen=True)
class Place:
    """One of a unit's nine, by its image and its position (row, column)."""

    unit: int
    rank: int
    image: int
    position: Pair


@dataclass(frozen=True)
class Piece:
    """Some winners of a layer."""

    layer: str
    places: tuple[Place, ...]

    @property
    def images(self) -> list[int]:
        """Their images, each once."""
        return sorted({place.image for place in self.places})


def pieces_of(
    network: Network, units: Iterable[tuple[str, Sequence[UnitNine]]], slots: int
) -> list[Piece]:
    """The winners of the units of some layers, in pieces that fit into memory."""
    fitting = MEMORY // (4 * network.graph.footprint)  # rules record much of a forward pass
    most = max(1, min(TOGETHER, 4 * slots, fitting))
    pieces = []
    for layer, some in units:
        places = [
            Place(one.unit, rank, winner.image, winner.position)
            for one in some
            for rank, winner in enumerate(one.nine)
        ]
        for first in range(0, len(places), most):
            pieces.append(Piece(layer, tuple(places[first : first + most])))
    return pieces


@dataclass(frozen=True)
class Descent:
    """The winners of a piece, the forward pass of their images, and what trials need of these."""

    layer: Layer
    winners: Winners
    recording: Recording
    signal: Window
    inputs: TrialInputs

    def by(self, rule: str) -> Window:
        """The winners' reconstructions by one of the recording's rules."""
        of = self.winners.stimulus
        return project_back(self.recording, self.layer.node, self.signal, stimulus=of, rule=rule)


def descent(
    network: Network, control: Graph, piece: Piece, stimuli: np.ndarray, rules: Sequence[str]
) -> Descent:
    """The descent of a piece whose images are ``stimuli`` ``[N, H, W, C]`` uint8, by some rules."""
    layer, device, places = network.layer(piece.layer), network.device, piece.places
    sharp = network.inputs(stimuli)
    soft = network.inputs(np.stack([pixels.blurred(one) for one in stimuli]))
    recording = record(network.graph, sharp, [layer.node], *rules)
    row = {image: number for number, image in enumerate(piece.images)}

    def numbers(values: list[object]) -> torch.Tensor:
        return torch.from_numpy(np.array(values, np.int64)).to(device)

    unit = numbers([place.unit for place in places])
    position = numbers([place.position for place in places])
    stimulus = numbers([row[place.image] for place in places])
    maps = layer.maps(recording.activations[layer.node])
    value = maps[stimulus, unit, position[:, 0], position[:, 1]]
    winners = Winners(
        unit=unit,
        rank=numbers([place.rank for place in places]),
        image=numbers([place.image for place in places]),
        stimulus=stimulus,
        value=value,
        position=position,
        box=numbers([layer.held.true_box(*place.position).as_tuple() for place in places]),
    )
    signal = one_hot_signal(layer, value, units=unit, positions=position)
    return Descent(layer, winners, recording, signal, TrialInputs(control, sharp, soft))
