"""One pass over the images: the nine strongest of every unit of every layer."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from atlas.errors import AtlasError
from atlas.images.duplicates import DuplicateIndex
from atlas.images.sources import Images, Stimulus, StimulusCache, stimuli
from atlas.networks.batching import BATCH, forward_batches, slots_of
from atlas.networks.graph import Node, concatenation
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.progress import Progress, silent
from atlas.runtime.ranks import ALONE, Ranks
from atlas.scanning import topk
from atlas.scanning.forward import Forward, peaks, prepared
from atlas.scanning.topk import TopNine

ROUND = 8  # batches between two merges
SECONDS = 10  # between two checkpoints, at least


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
    checkpoint: Checkpoint | None = None,
    kept: StimulusCache | None = None,
    ranks: Ranks = ALONE,
    statistics: bool = True,
    slots: int | None = None,
) -> Scan:
    """Find the top nine of every unit of the layers that the globs ``layers`` name.

    For each image the maximum over positions, the first in row-major order on a tie; over images
    the nine largest, the lowest index on a tie, from nine images with different decoded pixels.
    With ``near_duplicates``, images whose perceptual hashes differ in no more of their 64 bits
    than that count once, too. The network runs on ``batch_size`` images at once, on a CPU always
    on 16; with ``slots`` on exactly so many. Goes on where ``checkpoint`` says that an earlier pass
    came to; puts the stimuli into ``kept``; shares the images with the other ``ranks``, which are
    to be given the same, but only rank 0's checkpoint is used. Without ``statistics`` only the nine
    are kept, and how often a unit fired. Raises ``AtlasError`` if an activation is not a finite
    number.
    """
    chosen = network.choose(layers)
    checkpoint = checkpoint or Checkpoint()
    seen = DuplicateIndex(near_duplicates, checkpoint)
    start = ranks.share(checkpoint["scanned"] or 0)
    joined = joins(network, chosen)
    counted = [layer for layer in chosen if layer.id not in joined]
    records = {layer.id: topk.empty(layer.units, statistics) for layer in counted}
    if ranks.leads and start:
        records = _restored(checkpoint, records)
    slots = slots or slots_of(network, batch_size)
    forward = prepared(network.graph, [layer.node for layer in counted], slots)
    own = _Share(start, len(images), ROUND * slots, ranks)
    hashes = near_duplicates is not None
    source = stimuli(images, network.preprocessing, own, workers, hashes, kept)
    source = progress(source, len(own), "scanning")
    saved, rest = time.monotonic(), float(SECONDS)
    for stop in own.rounds:
        some = list(itertools.islice(source, own.in_round))
        looks = ranks.gather([stimulus.look for stimulus in some if stimulus.look])
        repeats = seen.include(look for each in looks for look in each)
        save = stop >= len(images) or time.monotonic() - saved >= rest
        repeats, save = ranks.share((repeats, save))
        different = [stimulus for stimulus in some if stimulus.index not in repeats]
        records = included(network, forward, records, different, slots)
        if save:
            began = time.monotonic()
            found = ranks.gather(records)
            if ranks.leads:
                _save(checkpoint, functools.reduce(_merged, found), min(stop, len(images)))
            saved = time.monotonic()
            rest = max(SECONDS, 20 * (saved - began)) if SECONDS else 0.0
    if ranks.leads and len(images):
        records = _restored(checkpoint, records)
    duplicates = seen.repeats
    count = len(images) - len(duplicates)
    for layer in chosen:
        if layer.id in joined:
            records[layer.id] = topk.beside([records[part] for part in joined[layer.id]])
    records = {layer.id: records[layer.id] for layer in chosen}
    return ranks.share(Scan(records, count, seen.digest, duplicates, seen.recoloured))


def included(
    network: Network,
    forward: Forward,
    records: Mapping[str, TopNine],
    source: Iterable[Stimulus],
    slots: int | None = None,
) -> dict[str, TopNine]:
    """Layers' records with some more stimuli, all of them different.

    ``forward`` is the network's graph made ready for the nodes of these layers. The network runs on
    ``slots`` images at once, by default on as many as a scan's.
    """
    layers = [network.layers[name] for name in records]
    at: dict[Node, list[Layer]] = {}
    for layer in layers:
        at.setdefault(layer.node, []).append(layer)
    indices: list[np.ndarray] = []
    rows: list[int] = []
    values: dict[str, list[Tensor]] = {layer.id: [] for layer in layers}
    places: dict[str, list[Tensor]] = {layer.id: [] for layer in layers}
    for batch in forward_batches(source, slots or slots_of(network, BATCH)):
        rows += [len(indices) * batch.size + slot for slot in batch.slots]
        indices.append(batch.indices)
        for node, maps, found in forward.run(batch.inputs(network)):
            for layer in at[node]:
                on_the_way = found if layer.dims == (1, 2, 3) else None
                value, place = on_the_way or peaks(layer.maps(maps))
                values[layer.id].append(value)
                places[layer.id].append(place)
            del maps  # or its memory couldn't be used for what is computed next
    if not indices:
        return dict(records)
    index, own, more = np.concatenate(indices), np.array(rows), {}
    for layer in layers:
        value = torch.cat(values[layer.id]).float().cpu().numpy()[own]
        place = torch.cat(places[layer.id]).cpu().numpy()[own]
        if not np.isfinite(value).all():
            raise AtlasError(
                f"layer {layer.id} has activations that are not finite numbers; "
                "the weights or the preprocessing don't fit the network"
            )
        more[layer.id] = topk.include(records[layer.id], value, place, layer.shape[2], index)
    return more


def joins(network: Network, layers: Iterable[Layer]) -> dict[str, list[str]]:
    """Of these layers those that are others side by side, by id, with those others in order."""
    layers = list(layers)
    at = {layer.node: layer.id for layer in layers if layer.dims == (1, 2, 3)}
    found = {}
    for layer in layers:
        if layer.node in at and network.graph.operations[layer.node].kind == "concatenation":
            axis, parts = concatenation(layer.node)
            if axis in (1, -3) and all(part in at for part in parts):
                found[layer.id] = [at[part] for part in parts]
    return found


class _Share(Sequence[int]):
    """The indices that one rank looks at: of every round of all ranks, its own stretch.

    Rounds follow each other, so all images before a round were seen by somebody when it begins.
    """

    def __init__(self, start: int, stop: int, in_round: int, ranks: Ranks) -> None:
        self.in_round, self._step = in_round, in_round * ranks.count
        self._first, self._stop = start + ranks.rank * in_round, stop
        self.rounds = range(start + self._step, stop + self._step, self._step)

    def __len__(self) -> int:
        whole, rest = divmod(max(self._stop - self._first, 0), self._step)
        return whole * self.in_round + min(rest, self.in_round)

    def __getitem__(self, place: Any) -> Any:
        number, offset = divmod(place, self.in_round)
        return self._first + number * self._step + offset


def _merged(one: dict[str, TopNine], other: dict[str, TopNine]) -> dict[str, TopNine]:
    return {name: topk.merge(record, other[name]) for name, record in one.items()}


def _save(checkpoint: Checkpoint, records: dict[str, TopNine], scanned: int) -> None:
    for name, record in records.items():
        for part in _PARTS:
            checkpoint.keep(f"{name} {part}", np.asarray(getattr(record, part)))
    checkpoint["scanned"] = scanned
    checkpoint.commit()


def _restored(checkpoint: Checkpoint, records: Mapping[str, TopNine]) -> dict[str, TopNine]:
    found = {}
    for name in records:
        parts: dict[str, Any] = {part: checkpoint.array(f"{name} {part}") for part in _PARTS}
        found[name] = TopNine(**{**parts, "images": int(parts["images"])})
    return found


_PARTS = [part.name for part in fields(TopNine)]
