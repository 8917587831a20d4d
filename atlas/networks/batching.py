"""What the network is run on at once: batches of one shape, and an image's own slot in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from atlas.images.sources import Stimulus
from atlas.networks.network import Network

BATCH = 64  # images the network is run on at once, on anything but a CPU
CPU_SLOTS = 16
MEMORY = 4 << 30  # bytes that a batch may take; not this machine's, so that none rounds otherwise


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
        """The network's input ``[size, C, H, W]``, empty slots filled with any of the stimuli."""
        pixels = [self.stimuli[0].pixels] * self.size
        for slot, stimulus in zip(self.slots, self.stimuli, strict=True):
            pixels[slot] = stimulus.pixels
        return network.inputs(np.stack(pixels))


def forward_batches(source: Iterable[Stimulus], slots: int) -> Iterator[Batch]:
    """Cut a stream of stimuli into batches of ``slots`` slots, which the network runs on at once.

    Kernels may round differently for batches of another shape, and for another slot of a batch
    (a matrix product does). So every batch has the same number of slots, and an image's slot is
    its index modulo that number: its activations are the same to the last bit in any company and
    order.
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
    """How many images the network runs on at once.

    On a CPU, where small batches are the fastest, it is ``CPU_SLOTS``, whatever ``batch_size`` is;
    elsewhere ``batch_size``. It is halved until all activations of a batch fit into ``MEMORY``.
    """
    size = CPU_SLOTS if network.device.type == "cpu" else batch_size
    while size > 1 and size * network.graph.footprint > MEMORY:
        size //= 2
    return size


def slot_by_slot(images: Iterable[int], slots: int) -> list[int]:
    """Reorder images so that as many as possible share a batch, each in its own slot."""
    seen: dict[int, int] = defaultdict(int)
    keyed = []
    for image in images:
        slot = image % slots
        keyed.append((seen[slot], slot, image))
        seen[slot] += 1
    return [image for _, _, image in sorted(keyed)]
