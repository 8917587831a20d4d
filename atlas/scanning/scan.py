"""The first pass over the images: the nine strongest of every unit of every layer."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from atlas.errors import AtlasError
from atlas.images.duplicates import DuplicateIndex
from atlas.images.sources import Images, name_of
from atlas.images.stimuli import Stimulus, Unread, stimuli_and_unread
from atlas.networks.batching import BATCH, Running, forward_batches, slots_of
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Concatenation, Node
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.devices import is_apart, uploaded
from atlas.runtime.ranks import Ranks
from atlas.scanning import topk
from atlas.scanning.forward import Forward, Peaks, peaks_of, prepared
from atlas.scanning.noting import Keep, Noting
from atlas.scanning.on_device import Part, Tally
from atlas.scanning.topk import Maxima, TopNine

ROUND = 8  # batches between two merges
SECONDS = 10  # between two checkpoints, at least


@dataclass(frozen=True)
class Scan:
    """The results of a scan.

    ``records`` holds the top nine of each layer by id. ``duplicates`` maps each image that repeats
    an earlier one to that one; ``unread`` says of each image that can't be read why; ``images``
    counts the others. ``recoloured`` counts the grey images shown to a network of colours, or the
    colour images shown to a grey one. ``images_hash`` is a SHA-256 over the digests of all images'
    decoded pixels, in order, with zeros for one that can't be read.
    """

    records: dict[str, TopNine]
    images: int
    images_hash: str
    duplicates: dict[int, int] = field(default_factory=dict)
    recoloured: int = 0
    unread: dict[int, str] = field(default_factory=dict)


class NotFinite(AtlasError):
    """An activation that is no finite number, of the image at the index ``image``."""

    def __init__(self, layer: str, unit: int, image: int, value: float) -> None:
        super().__init__(
            f"{layer}/{unit} has an activation that is not a finite number ({value}); the weights "
            f"or the preprocessing don't fit the network; seen in image {image}"
        )
        self.image = image


def scan(
    network: Network,
    images: Images,
    *,
    layers: Iterable[str] | None = None,
    batch_size: int = BATCH,
    workers: int = 0,
    near_duplicates: int | None = None,
    strict: bool = False,
) -> Scan:
    """Find the nine strongest images of every unit, as ``first_pass`` does.

    The network is run on ``batch_size`` images at once (on a CPU always on 16), which ``workers``
    processes decode ahead.
    """
    running = Running(slots_of(network, batch_size), workers)
    return first_pass(
        network,
        images,
        layers=layers,
        near_duplicates=near_duplicates,
        strict=strict,
        running=running,
    )


def first_pass(
    network: Network,
    images: Images,
    *,
    layers: Iterable[str] | None = None,
    near_duplicates: int | None = None,
    statistics: bool = True,
    strict: bool = False,
    checkpoint: Checkpoint | None = None,
    noting: Noting | None = None,
    running: Running,
) -> Scan:
    """Find the nine strongest images of every unit of the layers whose ids match a glob.

    An image's activation of a unit is the maximum over positions, the first in row-major order on a
    tie. A unit's nine are the images with the largest activations above 0, the lowest index on a
    tie. Images with equal decoded pixels count once, and with ``near_duplicates`` so do images
    whose perceptual hashes differ in at most that many of their 64 bits. Without ``statistics`` the
    records hold the nine and ``fired`` alone. An image that can't be read counts nowhere.

    The pass goes on where the pass that wrote ``checkpoint`` stopped; only rank 0's is used. It
    tells ``noting`` what it finds of each image, but on a device that has a memory of its own.
    Raises ``UsageError`` for a glob that matches no layer, and ``AtlasError`` for an activation
    that isn't a finite number, where no image can be read, and with ``strict`` for one that can't.
    """
    ranks, slots = running.ranks, running.slots
    chosen = network.choose(layers)
    checkpoint = checkpoint or Checkpoint()
    index = DuplicateIndex(near_duplicates, checkpoint)
    start = ranks.share(checkpoint["scanned"] or 0)
    if strict:
        _require_none(ranks.share(index.unread), images)
    joined = joins(network, chosen)
    counted = [layer for layer in chosen if layer.id not in joined]
    records = {layer.id: topk.empty(layer.units, statistics) for layer in counted}
    if ranks.leads and start:
        records = _restored(checkpoint, records)
    nodes = {layer.node for layer in counted}
    tally = None
    if is_apart(network.device):
        noting = None
        of = {layer.id: Part(layer.units, layer.shape[2]) for layer in counted}
        tally = Tally(of, network.device, statistics=statistics)
    if noting:
        noting = replace(noting, keep=functools.partial(_with_joined, noting.keep, joined))
        nodes.add(noting.node)
    forward = prepared(network.graph, nodes, slots)
    own = _Share(start, len(images), in_round=ROUND * slots, ranks=ranks)
    source = stimuli_and_unread(
        images,
        network.preprocessing,
        own,
        workers=running.workers,
        hashes=near_duplicates is not None,
        cache=running.cache,
    )
    source = running.progress(source, len(own), "scanning")
    saved, pause = time.monotonic(), float(SECONDS)
    for stop in own.rounds:
        in_round = list(itertools.islice(source, own.in_round))
        read = [one for one in in_round if isinstance(one, Stimulus)]
        unread = {one.index: one.error.reason for one in in_round if isinstance(one, Unread)}
        if strict:
            _require_none(unread, images)
        own_identities = [stimulus.identity for stimulus in read if stimulus.identity]
        gathered = ranks.gather((own_identities, unread))
        for _, reasons in gathered:
            index.leave_out(reasons)
        repeats = index.include(itertools.chain.from_iterable(some for some, _ in gathered))
        save = stop >= len(images) or time.monotonic() - saved >= pause
        none_read = index.unread if stop >= len(images) and index.is_empty else {}
        repeats, save, none_read = ranks.share((repeats, save, none_read))
        if none_read:
            many = f"none of {len(images):,} images can be read: " if len(images) > 1 else ""
            raise AtlasError(many + _said(none_read, images))
        different = [stimulus for stimulus in read if stimulus.index not in repeats]
        try:
            if tally:
                tallied(tally, different, network=network, forward=forward)
            else:
                records = included(
                    records, different, network=network, forward=forward, noting=noting
                )
        except NotFinite as error:
            raise AtlasError(f"{error} ({name_of(images, error.image)})") from error
        if save:
            began = time.monotonic()
            if tally:
                records = _merged(records, tally.taken())
            parts = ranks.gather(records)
            if ranks.leads:
                _save(checkpoint, functools.reduce(_merged, parts), min(stop, len(images)))
            saved = time.monotonic()
            # saving takes a twentieth of the time, at most
            pause = max(SECONDS, 20 * (saved - began)) if SECONDS else 0.0
    if ranks.leads and len(images):
        records = _restored(checkpoint, records)
    duplicates, left_out = index.repeats, index.unread
    for layer in chosen:
        if layer.id in joined:
            records[layer.id] = topk.beside([records[part] for part in joined[layer.id]])
    return ranks.share(
        Scan(
            {layer.id: records[layer.id] for layer in chosen},
            len(images) - len(duplicates) - len(left_out),
            index.digest,
            duplicates,
            index.recoloured,
            left_out,
        )
    )


def _require_none(unread: Mapping[int, str], images: Images) -> None:
    """Raise ``AtlasError`` if there is an image that can't be read."""
    if unread:
        raise AtlasError(f"--strict: {_said(unread, images)}")


def _said(unread: Mapping[int, str], images: Images) -> str:
    first = min(unread)
    return f"{name_of(images, first)} can't be read as an image: {unread[first]}"


def included(
    records: Mapping[str, TopNine],
    source: Iterable[Stimulus],
    *,
    network: Network,
    forward: Forward,
    noting: Noting | None = None,
) -> dict[str, TopNine]:
    """The records of layers with more stimuli, all of them different.

    ``forward`` is the network's graph, prepared for the nodes of these layers, and for that of
    ``noting``, which is told what comes of them. Raises ``NotFinite``.
    """
    layers = [network.layers[name] for name in records]
    found = _round(layers, source, network=network, forward=forward, noting=noting)
    if not len(found.image):
        return dict(records)
    more, values = {}, {}
    for layer in layers:
        value = torch.cat(found.values[layer.id]).float().cpu().numpy()[found.rows]
        place = torch.cat(found.places[layer.id]).cpu().numpy()[found.rows]
        _require_finite(layer, value, found.image)
        maxima = Maxima(value, place, found.image, width=layer.shape[2])
        more[layer.id] = topk.include(records[layer.id], maxima)
        values[layer.id] = value
    if noting:
        noting.keep(found.image, np.concatenate(found.features)[found.rows], values)
    return more


def _with_joined(
    keep: Keep,
    joined: Mapping[str, Sequence[str]],
    images: np.ndarray,
    features: np.ndarray,
    values: Mapping[str, np.ndarray],
) -> None:
    """Keep the peaks of layers that join others, too."""
    all_ = dict(values)
    for name, parts in joined.items():
        all_[name] = np.concatenate([all_[part] for part in parts], 1)
    keep(images, features, all_)


def tallied(
    tally: Tally, source: Iterable[Stimulus], *, network: Network, forward: Forward
) -> None:
    """Bring a tally of layers up to date with more stimuli, all of them different.

    The program waits for the device once, to know that all activations are finite. Raises
    ``NotFinite``.
    """
    layers = [network.layers[name] for name in tally.parts]
    found = _round(layers, source, network=network, forward=forward)
    if not len(found.image):
        return
    value = torch.cat([torch.cat(found.values[layer.id]) for layer in layers], 1).float()
    place = torch.cat([torch.cat(found.places[layer.id]) for layer in layers], 1)
    if len(found.rows) < len(value):
        rows = uploaded(found.rows, value.device)
        value, place = value[rows], place[rows]
    tally.include(value, place, found.image)
    if bool(value.isfinite().all()):
        return
    for layer, own in zip(layers, value.split([x.units for x in layers], 1), strict=True):
        _require_finite(layer, own.cpu().numpy(), found.image)


@dataclass(frozen=True)
class _Round:
    """The peaks of layers by id, of each batch of a round, where the network was run.

    ``image`` ``[N]`` are the images' indices, and ``rows`` ``[N]`` their places among the slots of
    all batches. ``features`` are those that are noted, if any are.
    """

    image: np.ndarray
    rows: np.ndarray
    values: dict[str, list[Tensor]]
    places: dict[str, list[Tensor]]
    features: list[np.ndarray]


def _round(
    layers: list[Layer],
    source: Iterable[Stimulus],
    *,
    network: Network,
    forward: Forward,
    noting: Noting | None = None,
) -> _Round:
    at: dict[Node, list[Layer]] = {}
    for layer in layers:
        at.setdefault(layer.node, []).append(layer)
    indices: list[np.ndarray] = []
    rows: list[int] = []
    values: dict[str, list[Tensor]] = {layer.id: [] for layer in layers}
    places: dict[str, list[Tensor]] = {layer.id: [] for layer in layers}
    features: list[np.ndarray] = []
    for batch in forward_batches(source, forward.slots):
        rows += [len(indices) * batch.size + slot for slot in batch.slots]
        indices.append(batch.indices)
        for node, maps, peaks in forward.run(batch.inputs(network)):
            if noting and node is noting.node:
                features.append(noting.features(maps).copy())
            for layer in at.get(node, ()):
                own = _peaks(layer, maps, peaks)
                values[layer.id].append(own.value)
                places[layer.id].append(own.place)
            del maps  # so that the next value can use its memory
    image = np.concatenate(indices) if indices else np.zeros(0, np.int64)
    return _Round(image, np.array(rows, np.int64), values, places, features)


def _require_finite(layer: Layer, value: np.ndarray, image: np.ndarray) -> None:
    """Raise ``NotFinite`` if a maximum ``[N, U]`` of one of these images isn't a finite number."""
    wrong = np.argwhere(~np.isfinite(value))
    if len(wrong):
        row, unit = wrong[0].tolist()
        raise NotFinite(layer.id, unit, int(image[row]), float(value[row, unit]))


def _peaks(layer: Layer, value: Tensor, taken: Peaks | None) -> Peaks:
    """The peaks of a layer's feature maps; those that the forward pass took, if they are these."""
    if taken and layer.dims == (1, 2, 3):
        return taken
    return peaks_of(layer.maps(value))


def joins(network: Network, layers: Iterable[Layer]) -> dict[str, list[str]]:
    """For each of these layers that concatenates others of them, the ids of those, in order."""
    layers = list(layers)
    at = {layer.node: layer.id for layer in layers if layer.dims == (1, 2, 3)}
    joined = {}
    for layer in layers:
        operation = network.graph.operations[layer.node]
        if layer.node not in at or not isinstance(operation, Concatenation):
            continue
        if operation.axis == 1 and all(part in at for part in operation.parts):
            joined[layer.id] = [at[part] for part in operation.parts]
    return joined


class _Share(Sequence[int]):
    """The indices of one rank's images: its own ``in_round`` images of every round of all ranks.

    Rounds follow each other, so when a round begins, some rank has scanned every image before it.
    ``rounds`` holds the end of each.
    """

    def __init__(self, start: int, stop: int, *, in_round: int, ranks: Ranks) -> None:
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
    """The records of these layers as a checkpoint holds them."""
    restored = {}
    for name in records:
        parts: dict[str, Any] = {part: checkpoint.array(f"{name} {part}") for part in _PARTS}
        restored[name] = TopNine(**{**parts, "images": int(parts["images"])})
    return restored


_PARTS = [part.name for part in fields(TopNine)]
