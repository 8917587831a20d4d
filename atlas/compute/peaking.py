"""What a network and its control twin make of some images: for the stage, and to verify it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atlas.evidence import peaks
from atlas.evidence.control import control_twin
from atlas.evidence.peaks import LayerPeaks, Seen
from atlas.experiments.features import features_of
from atlas.experiments.subjects import spread
from atlas.networks.layers import Layer
from atlas.networks.network import Network

OWN, TWIN = "own", "twin"

Arrays = dict[str, np.ndarray]
Arranged = dict[str, LayerPeaks]  # by layer


@dataclass(frozen=True)
class Peaking:
    """How peaks are taken: of which ``layers``, in which ``images``.

    The twin looks at those of them that stand in ``rows``.
    """

    network: Network
    layers: Sequence[Layer]
    images: Sequence[int]
    rows: Sequence[int]

    @staticmethod
    def of(network: Network, layers: Sequence[Layer], usable: Sequence[int], units: int) -> Peaking:
        """The peaks of an atlas with so many units, of some of its ``layers``."""
        some = peaks.looked_at(usable, units)
        return Peaking(network, layers, some, peaks.drawn(len(some), peaks.SHOWN_TWIN))

    def looking(
        self, stimuli: Callable[[Sequence[int]], np.ndarray], slots: int
    ) -> Callable[[Sequence[int]], Arrays]:
        """What both make of a piece of the images, by name; ``stimuli`` gives their pixels."""
        features = features_of(self.network)
        kept = {layer.id: spread(range(layer.units), peaks.TWINS) for layer in self.layers}
        twins = {self.images[row] for row in self.rows}
        graphs = {OWN: self.network.graph, TWIN: control_twin(self.network.graph)}

        def look(piece: Sequence[int]) -> Arrays:
            parts: dict[str, list[np.ndarray]] = {}
            for who, some in ((OWN, list(piece)), (TWIN, [one for one in piece if one in twins])):
                for first in range(0, len(some), slots):
                    found, value = peaks.peaks_of(
                        graphs[who],
                        self.network,
                        stimuli(some[first : first + slots]),
                        self.layers,
                        features.node,
                        slots=slots,
                    )
                    parts.setdefault(f"{who} features", []).append(features.of(value))
                    for name, values in found.items():
                        more = values if who == OWN else values[:, kept[name]]
                        parts.setdefault(f"{who} {name}", []).append(more)
            return {name: np.concatenate(each) for name, each in parts.items()}

        return look

    def together(self, parts: Sequence[Mapping[str, np.ndarray]]) -> tuple[Seen, Arranged]:
        """All pieces in one: what the images came to, and the peaks of each layer, as kept."""

        def joined(name: str) -> np.ndarray:
            return peaks.kept(np.concatenate([part[name] for part in parts if name in part]))

        rows = np.array(self.rows, np.int64)
        images = np.array(self.images, np.int64)
        seen = Seen(images, joined(f"{OWN} features"), joined(f"{TWIN} features"), rows)
        return seen, {
            layer.id: LayerPeaks(joined(f"{OWN} {layer.id}"), joined(f"{TWIN} {layer.id}"), rows)
            for layer in self.layers
        }


def pieces_of(images: Sequence[int], size: int) -> list[list[int]]:
    """The images in pieces of so many, in order."""
    return [list(images[first : first + size]) for first in range(0, len(images), size)]
