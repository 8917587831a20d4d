"""What a network and its control twin make of some images: for the stage, and to verify it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atlas.compute.noted_peaks import FEATURES, Arrays
from atlas.evidence import peaks
from atlas.evidence.control import control_twin
from atlas.evidence.peaks import LayerPeaks, Seen
from atlas.experiments.features import features_of
from atlas.experiments.subjects import spread
from atlas.networks.batching import slot_by_slot
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.network import Network

OWN, TWIN = "own", "twin"

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
        self,
        stimuli: Callable[[Sequence[int]], np.ndarray],
        slots: int,
        noted: Callable[[int], Arrays | None] = lambda _: None,
    ) -> Callable[[Sequence[int]], Arrays]:
        """What both make of a piece of the images, by name; ``stimuli`` gives their pixels.

        ``noted`` gives what is known already of an image that the network saw in its own slot.
        """
        features = features_of(self.network)
        kept = {layer.id: spread(range(layer.units), peaks.TWINS) for layer in self.layers}
        twins = {self.images[row] for row in self.rows}
        twin = control_twin(self.network.graph)

        def made(graph: Graph, some: Sequence[int], places: Sequence[int]) -> Arrays:
            found, value = peaks.peaks_of(
                graph,
                self.network,
                stimuli(some),
                self.layers,
                features.node,
                slots=slots,
                places=places,
            )
            return {FEATURES: features.of(value), **found}

        def look(piece: Sequence[int]) -> Arrays:
            known = {image: one for image in piece if (one := noted(image)) is not None}
            for some in in_own_slots([one for one in piece if one not in known], slots):
                found = made(self.network.graph, some, [image % slots for image in some])
                for row, image in enumerate(some):
                    known[image] = {name: values[row] for name, values in found.items()}
            own = {
                f"{OWN} {name}": np.stack([known[image][name] for image in piece])
                for name in known[piece[0]]
            }
            some = [one for one in piece if one in twins]
            parts: dict[str, list[np.ndarray]] = {}
            for first in range(0, len(some), slots):
                batch = some[first : first + slots]
                for name, values in made(twin, batch, range(len(batch))).items():
                    more = values if name == FEATURES else values[:, kept[name]]
                    parts.setdefault(f"{TWIN} {name}", []).append(more)
            return own | {name: np.concatenate(each) for name, each in parts.items()}

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


def in_own_slots(images: Sequence[int], slots: int) -> list[list[int]]:
    """The images in batches of which each has an image at most of any slot, as in a scan."""
    batches: list[list[int]] = []
    for image in slot_by_slot(images, slots):
        if not batches or image % slots <= batches[-1][-1] % slots:
            batches.append([])
        batches[-1].append(image)
    return batches


def pieces_of(images: Sequence[int], size: int) -> list[list[int]]:
    """The images in pieces of so many, in order."""
    return [list(images[first : first + size]) for first in range(0, len(images), size)]
