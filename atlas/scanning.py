"""One pass over the images: the nine strongest of every unit of every layer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from atlas import topk
from atlas.duplicates import Seen
from atlas.errors import AtlasError
from atlas.images import Images, Stimulus, stimuli
from atlas.network import Network
from atlas.progress import Progress, silent
from atlas.topk import TopNine
from atlas.units import Layer

BATCH = 64  # images the network is run on at once, on anything but a CPU
CPU_SLOTS = 16


@dataclass(frozen=True)
class Scan:
    """What the pass found.

    ``records`` holds each layer's top nine by id; ``duplicates`` the index of each image that
    repeats an earlier one, and of that earlier one. ``images`` counts the rest;
    ``recoloured`` counts grey images shown to a network of colours, or the reverse;
    ``images_hash`` is a SHA-256 over the digests of all images' decoded pixels, in order.
    """

    records: dict[str, TopNine]
    images: int
    images_hash: str
    duplicates: dict[int, int] = field(default_factory=dict)
    recoloured: int = 0


def scan(
    network: Network,
    images: Images,
    layers: Iterable[str] | None = None,
    batch_size: int = BATCH,
    workers: int = 0,
    near_duplicates: int | None = None,
    progress: Progress = silent,
) -> Scan:
    """Find the top nine of every unit of the layers that the globs ``layers`` name.

    For each image the maximum over positions, the first in row-major order on a tie; over images
    the nine largest, the lowest index on a tie, from nine images with different decoded pixels.
    With ``near_duplicates``, images whose perceptual hashes differ in no more of their 64 bits
    than that count once, too. The network is run on ``batch_size`` images at once, on a CPU always
    on 16. Raises ``AtlasError`` if an activation is not a finite number.
    """
    chosen = network.choose(layers)
    duplicates: dict[int, int] = {}
    digest = hashlib.sha256()
    looks = near_duplicates is not None
    source = stimuli(images, network.preprocessing, range(len(images)), workers, looks)
    source = progress(source, len(images), "scanning")
    different = without_duplicates(source, Seen(near_duplicates), duplicates, digest)
    records, recoloured = records_of(network, chosen, different, batch_size)
    count = len(images) - len(duplicates)
    return Scan(records, count, digest.hexdigest(), duplicates, recoloured)


def records_of(
    network: Network, layers: list[Layer], source: Iterable[Stimulus], batch_size: int = BATCH
) -> tuple[dict[str, TopNine], int]:
    """The records of layers over a stream of different stimuli, and how many were recoloured."""
    records = {layer.id: topk.empty(layer.units) for layer in layers}
    recoloured = 0
    for batch in forward_batches(source, network, batch_size):
        recoloured += sum(stimulus.recoloured for stimulus in batch.stimuli)
        for layer, maps in network.activations(batch.inputs(network), layers):
            so_far = records[layer.id]
            record = of_maps(layer, maps[batch.slots], batch.indices, so_far)
            records[layer.id] = topk.merge(so_far, record)
    return records, recoloured


def of_maps(layer: Layer, maps: Tensor, index: np.ndarray, so_far: TopNine) -> TopNine:
    """The record of N images' feature maps ``[N, units, H, W]``.

    Where a maximum stands is looked up only for those that can enter the nine found so far.
    """
    value = maps.amax((2, 3)).float().cpu().numpy()
    if not np.isfinite(value).all():
        raise AtlasError(
            f"layer {layer.id} has activations that are not finite numbers; "
            "the weights or the preprocessing don't fit the network"
        )
    position = np.zeros((*value.shape, 2), np.int32)
    images, units = np.nonzero((value > 0) & (value >= so_far.value[:, -1]))
    if len(images):
        entering = maps[torch.from_numpy(images), torch.from_numpy(units)].flatten(1)
        place = entering.float().cpu().numpy().argmax(1)  # NumPy returns the first of equals
        position[images, units] = np.stack(np.divmod(place, layer.shape[2]), 1)
    return topk.of_batch(value, position, index)


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


def forward_batches(
    source: Iterable[Stimulus], network: Network, batch_size: int = BATCH
) -> Iterator[Batch]:
    """Cut a stream of stimuli into what the network is run on at once.

    Kernels may round differently for batches of another shape, and for another slot of a batch
    (a matrix product does). So every batch has the same number of slots, and an image's slot is
    its index modulo that number: its activations are the same to the last bit in whatever company
    and order it comes. On a CPU, where small batches are the fastest anyway, the number doesn't
    depend on ``batch_size`` either.
    """
    size = slots_of(network, batch_size)
    batch = Batch([], [], size)
    for stimulus in source:
        slot = stimulus.index % size
        if slot in batch.slots:
            yield batch
            batch = Batch([], [], size)
        batch.stimuli.append(stimulus)
        batch.slots.append(slot)
    if batch.stimuli:
        yield batch


def slots_of(network: Network, batch_size: int) -> int:
    """How many images the network is run on at once."""
    return CPU_SLOTS if network.device.type == "cpu" else batch_size


def without_duplicates(
    source: Iterable[Stimulus], seen: Seen, duplicates: dict[int, int], digest: hashlib._Hash
) -> Iterator[Stimulus]:
    """Leave out stimuli that repeat an earlier one, and note them; hash them all."""
    for stimulus in source:
        digest.update(stimulus.digest)
        original = seen.original(stimulus.index, stimulus.digest, stimulus.look)
        if original is None:
            yield stimulus
        else:
            duplicates[stimulus.index] = original
