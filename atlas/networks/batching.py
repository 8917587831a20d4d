"""Batches: the stimuli that the network is run on at once, each in its own slot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from atlas.images.stimuli import Stimulus, StimulusCache
from atlas.networks.network import Network
from atlas.runtime.progress import Progress, silent
from atlas.runtime.ranks import ALONE, Ranks

BATCH = 64  # images the network is run on at once, on anything but a CPU
CPU_SLOTS = 16
MEMORY = 4 << 30  # bytes of a batch's values, at most; fixed, so that all machines round alike


@dataclass(frozen=True)
class Running:
    """How a pass over images runs.

    The network is run on batches of ``slots`` slots (``slots_of``), which decide how results are
    rounded; nothing else here has a part in them. ``workers`` processes decode images ahead, and
    decoded stimuli are kept in ``cache`` for later passes. ``ranks`` share the images; all of them
    must be given the same arguments. ``progress`` shows how far the pass is.
    """

    slots: int
    workers: int = 0
    cache: StimulusCache | None = None
    ranks: Ranks = ALONE
    progress: Progress = silent


@dataclass(frozen=True)
class Batch:
    """Stimuli that the network is run on at once, and the slot of each among ``size``."""

    stimuli: list[Stimulus]
    slots: list[int]
    size: int

    @property
    def indices(self) -> np.ndarray:
        """The images' indices, ``[N]``."""
        return np.array([stimulus.index for stimulus in self.stimuli])

    def inputs(self, network: Network) -> Tensor:
        """The network's input ``[size, C, H, W]``; empty slots hold the first stimulus again."""
        pixels = [self.stimuli[0].pixels] * self.size
        for slot, stimulus in zip(self.slots, self.stimuli, strict=True):
            pixels[slot] = stimulus.pixels
        return network.inputs(np.stack(pixels))


def forward_batches(source: Iterable[Stimulus], slots: int) -> Iterator[Batch]:
    """Cut a stream of stimuli into batches of ``slots`` slots.

    A kernel may round differently for another shape of batch, and for another slot of the batch, as
    a matrix product does. So every batch has the same number of slots, and an image's slot is its
    index modulo that number: its activations are the same to the last bit, whichever images it
    shares a batch with and in whatever order they come.
    """
    batch = Batch([], [], slots)
    for stimulus in source:
        slot = stimulus.index % slots
        if slot in batch.slots:
            yield batch
            batch = Batch([], [], slots)
        batch.stimuli.append(stimulus)
        batch.slots.append(slot)
    if batch.stimuli:
        yield batch


def slots_of(network: Network, batch_size: int) -> int:
    """The number of slots of a batch: of images that the network is run on at once.

    On a CPU, where small batches are the fastest, always ``CPU_SLOTS``; elsewhere ``batch_size``.
    Either is halved until all values that the network computes for a batch fit into ``MEMORY``.
    """
    size = CPU_SLOTS if network.device.type == "cpu" else batch_size
    while size > 1 and size * network.graph.footprint > MEMORY:
        size //= 2
    return size


def slot_by_slot(images: Iterable[int], slots: int) -> list[int]:
    """Reorder images so that as many as possible share a batch, each in its own slot."""
    earlier: dict[int, int] = defaultdict(int)  # images with the same slot
    keyed = []
    for image in images:
        slot = image % slots
        keyed.append((earlier[slot], slot, image))
        earlier[slot] += 1
    return [image for _, _, image in sorted(keyed)]
