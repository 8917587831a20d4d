"""The second pass: back to the images that won, to reconstruct every winning activation."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from atlas.data.geometry import Box
from atlas.drawing import pixels
from atlas.errors import AtlasError
from atlas.evidence.trials import TrialInputs, Winners, tried
from atlas.images.sources import Images, StimulusCache, stimuli
from atlas.networks.batching import BATCH, MEMORY, Batch, forward_batches, slot_by_slot, slots_of
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction.deconvnet import Recording, descend, joined, record, start
from atlas.reconstruction.windows import Window
from atlas.runtime.progress import Progress, silent
from atlas.runtime.ranks import ALONE, Ranks
from atlas.scanning.topk import EMPTY, TopNine

TOGETHER = 4  # batches whose winners go down together, at most
DESCENTS = 64  # signals that go down at once


@dataclass(frozen=True)
class Projections:
    """B projections to pixels, ``values`` ``[B, C, h, w]`` float32 in the units of the input.

    They are windows of the input frame with their top left at ``corners`` ``[B, 2]`` (row,
    column), and zero outside.
    """

    values: np.ndarray
    corners: np.ndarray

    def corner(self, place: int) -> tuple[int, int]:
        """Where the window of one of them lies."""
        row, column = self.corners[place]
        return int(row), int(column)


@dataclass(frozen=True)
class Evidence:
    """What came of trying B reconstructions: ``figures`` ``[B, 7]`` (``data.MEASURES``).

    ``twins`` are the control twin's reconstructions; ``marks`` ``[B, h, w]`` bool, in the same
    windows, the pixels that were kept.
    """

    figures: np.ndarray
    twins: Projections
    marks: np.ndarray


@dataclass(frozen=True)
class Revisited:
    """Some winners of one layer, with what is to be shown of them.

    ``units`` and ``ranks`` ``[B]`` say which winners; ``images`` their images, ``boxes`` their
    nominal boxes; ``reconstructions`` and ``gradients`` what came down; ``evidence`` what came of
    trying it, if it was tried.
    """

    layer: Layer
    units: np.ndarray
    ranks: np.ndarray
    images: list[int]
    boxes: list[Box]
    reconstructions: Projections
    gradients: Projections
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Visit:
    """Some images, their stimuli ``[H, W, C]`` uint8, and the reconstructions of their winners.

    ``blurred`` are the stimuli with nothing to be recognised in them, if winners were tried.
    """

    stimuli: dict[int, np.ndarray]
    found: Iterator[Revisited]
    blurred: dict[int, np.ndarray]


def winners(records: dict[str, TopNine]) -> list[int]:
    """The images that are among any unit's nine, in order."""
    images = [record.image[record.image != EMPTY] for record in records.values()]
    return sorted(set(np.concatenate(images).tolist())) if images else []


def itinerary(records: dict[str, TopNine], slots: int, together: int) -> list[list[int]]:
    """The winning images of each visit, in order; a visit is ``together`` batches.

    They are ordered so that as many as possible share a batch, each in its own slot of ``slots``.
    """
    batches: list[list[int]] = []
    for image in slot_by_slot(winners(records), slots):
        if not batches or image % slots in {other % slots for other in batches[-1]}:
            batches.append([])
        batches[-1].append(image)
    stops = range(0, len(batches), together)
    return [list(itertools.chain.from_iterable(batches[i : i + together])) for i in stops]


def revisit(
    network: Network,
    images: Images,
    records: dict[str, TopNine],
    rule: str = "deconvnet",
    batch_size: int = BATCH,
    workers: int = 0,
    progress: Progress = silent,
    after: int = 0,
    kept: StimulusCache | None = None,
    ranks: Ranks = ALONE,
    control: Graph | None = None,
    slots: int | None = None,
) -> Iterator[Visit]:
    """Run each winning image once for all layers and units that chose it, and reconstruct.

    With ``control``, the network's control twin, the reconstructions are tried, too. The network
    runs on as many images at once as ``slots_of`` says; on exactly ``slots`` where that is given.

    Leaves out the first ``after`` visits of the itinerary, and takes stimuli from ``kept`` where
    they are there. Of the rest each of the ``ranks`` makes every so-manyth; all of them get as
    many, the last ones perhaps an empty one. Every winning activation is computed again, in the
    same slot of the same batch shape, and compared with the record; ``AtlasError`` if they differ.
    """
    layers = [network.layer(name) for name in records]
    wanted = {name: _by_image(record) for name, record in records.items()}
    slots = slots or slots_of(network, batch_size)
    # joining what several batches recorded takes its memory twice
    together = min(TOGETHER, max(1, MEMORY // (2 * slots * network.graph.footprint)))
    own = itinerary(records, slots, together)[after:]
    steps = -(-len(own) // ranks.count)
    own = own[ranks.rank :: ranks.count]
    order = list(itertools.chain.from_iterable(own))
    source = stimuli(images, network.preprocessing, order, workers, kept=kept, again=True)
    source = progress(source, len(order), "reconstructing")
    for some in own:
        batches = forward_batches(itertools.islice(source, len(some)), slots)
        yield _visit(network, list(batches), layers, records, wanted, rule, control)
    for _ in range(steps - len(own)):
        yield Visit({}, iter(()), {})


def _by_image(record: TopNine) -> dict[int, list[tuple[int, int]]]:
    """For each image the (unit, rank) pairs it won."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for unit, rank in zip(*np.nonzero(record.image != EMPTY), strict=True):
        found[int(record.image[unit, rank])].append((int(unit), int(rank)))
    return found


def _visit(
    network: Network,
    waiting: list[Batch],
    layers: list[Layer],
    records: dict[str, TopNine],
    wanted: dict[str, dict[int, list[tuple[int, int]]]],
    rule: str,
    control: Graph | None,
) -> Visit:
    nodes = [layer.node for layer in layers]
    rules = {rule, "gradient"}
    inputs = [batch.inputs(network) for batch in waiting]
    recordings = [record(network.graph, some, nodes, *rules) for some in inputs]
    recording = joined(recordings) if len(recordings) > 1 else recordings[0]
    sharp, soft, places = {}, {}, {}
    for number, batch in enumerate(waiting):
        for slot, stimulus in zip(batch.slots, batch.stimuli, strict=True):
            sharp[stimulus.index] = stimulus.pixels
            places[stimulus.index] = number * batch.size + slot
    bench = None
    if control:
        soft = {image: pixels.blurred(stimulus) for image, stimulus in sharp.items()}
        both = torch.cat(inputs), torch.zeros_like(torch.cat(inputs))
        both[1][list(places.values())] = network.inputs(np.stack(list(soft.values())))
        bench = TrialInputs(control, *both)

    def found() -> Iterator[Revisited]:
        for layer in layers:
            won = [
                (unit, rank, image)
                for image in places
                for unit, rank in wanted[layer.id].get(image, ())
            ]
            for first in range(0, len(won), DESCENTS):
                some = won[first : first + DESCENTS]
                yield _reconstructed(recording, layer, records[layer.id], some, places, rule, bench)

    return Visit(sharp, found(), soft)


def _reconstructed(
    recording: Recording,
    layer: Layer,
    top: TopNine,
    won: list[tuple[int, int, int]],
    places: dict[int, int],
    rule: str,
    bench: TrialInputs | None,
) -> Revisited:
    units, ranks = np.array([w[0] for w in won]), np.array([w[1] for w in won])
    maps = layer.maps(recording.activations[layer.node])
    device = maps.device
    of = torch.tensor([places[image] for _, _, image in won], device=device)
    position = torch.from_numpy(top.position[units, ranks].astype(np.int64)).to(device)
    unit = torch.from_numpy(units).to(device)
    values = maps[of, unit, position[:, 0], position[:, 1]]
    _compare(layer, top, values.float().cpu().numpy(), units, ranks)
    signal = start(layer, values, unit, position)
    down = {each: descend(recording, layer.node, signal, of, each) for each in recording.rules}
    images = [image for _, _, image in won]
    where = [(int(row), int(column)) for row, column in position.tolist()]
    shown = {each: _projections(found) for each, found in down.items()}
    evidence = None
    if bench:
        true = torch.tensor([layer.field.true_box(*at).as_tuple() for at in where], device=device)
        rank, image = torch.from_numpy(ranks).to(device), torch.tensor(images, device=device)
        winners = Winners(unit, rank, image, of, values, position, true)
        trials = tried(bench, recording, layer, winners, down[rule], rule)
        twins, marks = _projections(trials.twin), trials.marks.cpu().numpy()
        evidence = Evidence(trials.figures, twins, marks)
    boxes = [layer.field.box(*at) for at in where]
    return Revisited(layer, units, ranks, images, boxes, shown[rule], shown["gradient"], evidence)


def _projections(found: Window) -> Projections:
    values = found.values.float().cpu().numpy()
    if found.top is None or found.left is None:
        return Projections(values, np.zeros((len(values), 2), np.int64))
    return Projections(values, torch.stack([found.top, found.left], 1).cpu().numpy())


def _compare(
    layer: Layer, top: TopNine, again: np.ndarray, units: np.ndarray, ranks: np.ndarray
) -> None:
    recorded = top.value[units, ranks]
    wrong = np.abs(again - recorded) > 1e-5 * np.abs(recorded)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise AtlasError(
            f"{layer.id}/{units[at]} activated at {recorded[at]:.6g} in the first pass and at "
            f"{again[at]:.6g} in the second: the images or the network changed during the build"
        )
