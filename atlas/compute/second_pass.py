"""The second pass: back to the images that won, to reconstruct every winning activation."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from atlas.data.geometry import Box
from atlas.drawing import pixels
from atlas.errors import AtlasError
from atlas.evidence.trials import TrialInputs, Winners, run_trials
from atlas.images.sources import Images
from atlas.images.stimuli import stimuli
from atlas.networks.batching import (
    BATCH,
    MEMORY,
    Batch,
    Running,
    forward_batches,
    slot_by_slot,
    slots_of,
)
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction.deconvnet import one_hot_signal, project_back
from atlas.reconstruction.projection import Recording
from atlas.reconstruction.recording import joined, record
from atlas.reconstruction.windows import Window
from atlas.runtime import device_memory
from atlas.runtime.devices import uploaded
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
    """What came of trying B reconstructions: ``figures`` ``[B, M]``, one for each of ``MEASURES``.

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
    trying it, if it was tried. ``gradients`` is None where they were not asked for.
    """

    layer: Layer
    units: np.ndarray
    ranks: np.ndarray
    images: list[int]
    boxes: list[Box]
    reconstructions: Projections
    gradients: Projections | None
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
    *,
    running: Running | None = None,
    after: int = 0,
    control: Graph | None = None,
    gradients: bool = True,
    doing: str = "reconstructing",
) -> Iterator[Visit]:
    """Run each winning image once for all layers and units that chose it, and reconstruct.

    With ``control``, the network's control twin, the reconstructions are tried, too. Without
    ``gradients`` these don't go down beside them. ``running`` says how the pass runs; by default as
    a scan does. ``doing`` is what its progress is called. The first ``after`` visits of the
    itinerary are left out. Of the others each rank makes every k-th, for k ranks; all make the same
    number, the last one perhaps an empty one. Every winning activation is computed again, in the
    same slot of a batch of the same shape, and compared with the record: ``AtlasError`` if they
    differ.
    """
    running = running or Running(slots_of(network, BATCH))
    ranks = running.ranks
    layers = [network.layer(name) for name in records]
    wanted = {name: _by_image(record) for name, record in records.items()}
    rules = (rule, "gradient") if gradients else (rule,)
    pass_ = _Pass(network, layers, records, wanted, rules, control)
    # joining what several batches recorded takes its memory twice
    together = min(TOGETHER, max(1, MEMORY // (2 * running.slots * network.graph.footprint)))
    own = itinerary(records, running.slots, together)[after:]
    steps = -(-len(own) // ranks.count)
    own = own[ranks.rank :: ranks.count]
    order = list(itertools.chain.from_iterable(own))
    source = stimuli(
        images,
        network.preprocessing,
        order,
        workers=running.workers,
        cache=running.cache,
        again=True,
    )
    source = running.progress(source, len(order), doing)
    for some in own:
        batches = forward_batches(itertools.islice(source, len(some)), running.slots)
        yield _visit(pass_, list(batches))
    for _ in range(steps - len(own)):
        yield Visit({}, iter(()), {})


@dataclass(frozen=True)
class _Pass:
    """What all visits have in common; ``wanted`` holds each layer's winners by image.

    ``rules`` are those that go down: the reconstructions' first, and then perhaps the gradient's.
    """

    network: Network
    layers: list[Layer]
    records: dict[str, TopNine]
    wanted: dict[str, dict[int, list[_Place]]]
    rules: tuple[str, ...]
    control: Graph | None


@dataclass(frozen=True)
class _Place:
    """One of a unit's nine."""

    unit: int
    rank: int
    image: int


def _by_image(record: TopNine) -> dict[int, list[_Place]]:
    """The winners of a layer's units by their image."""
    places: dict[int, list[_Place]] = defaultdict(list)
    for unit, rank in np.argwhere(record.image != EMPTY).tolist():
        image = int(record.image[unit, rank])
        places[image].append(_Place(unit, rank, image))
    return places


def _visit(pass_: _Pass, batches: list[Batch]) -> Visit:
    network = pass_.network
    nodes = [layer.node for layer in pass_.layers]
    inputs = [batch.inputs(network) for batch in batches]
    recordings = [record(network.graph, some, nodes, *pass_.rules) for some in inputs]
    recording = joined(recordings) if len(recordings) > 1 else recordings[0]
    sharp, blurred, rows = {}, {}, {}
    for number, batch in enumerate(batches):
        for slot, stimulus in zip(batch.slots, batch.stimuli, strict=True):
            sharp[stimulus.index] = stimulus.pixels
            rows[stimulus.index] = number * batch.size + slot
    trial_inputs = None
    if pass_.control:
        blurred = {image: pixels.blurred(stimulus) for image, stimulus in sharp.items()}
        whole = torch.cat(inputs)
        soft = torch.zeros_like(whole)
        filled = uploaded(np.array(list(rows.values())), network.device)
        soft[filled] = network.inputs(np.stack(list(blurred.values())))
        trial_inputs = TrialInputs(pass_.control, whole, soft)

    def revisited() -> Iterator[Revisited]:
        for layer in pass_.layers:
            wanted = pass_.wanted[layer.id]
            won = [place for image in rows for place in wanted.get(image, ())]
            for first in range(0, len(won), DESCENTS):
                some = _Won(layer, pass_.records[layer.id], won[first : first + DESCENTS], rows)
                yield from _fitting(recording, some, pass_.rules[0], trial_inputs)

    return Visit(sharp, revisited(), blurred)


@dataclass(frozen=True)
class _Won:
    """Some winners of a layer; ``rows`` says which stimulus of the recording an image is."""

    layer: Layer
    top: TopNine
    places: list[_Place]
    rows: dict[int, int]


def _fitting(
    recording: Recording, won: _Won, rule: str, trial_inputs: TrialInputs | None
) -> Iterator[Revisited]:
    """The reconstructions of winners, all at once; where the device's memory runs out, by halves.

    They are tried once more before: what comes and goes may be gone.
    """
    for last in (False, len(won.places) == 1):
        try:
            found = _reconstructed(recording, won, rule, trial_inputs)
        except RuntimeError as error:
            if last or not device_memory.ran_out(error):
                raise
        else:
            yield found
            return
        device_memory.release()
    half = len(won.places) // 2
    for places in (won.places[:half], won.places[half:]):
        yield from _fitting(recording, replace(won, places=places), rule, trial_inputs)


def _reconstructed(
    recording: Recording, won: _Won, rule: str, trial_inputs: TrialInputs | None
) -> Revisited:
    layer = won.layer
    units = np.array([place.unit for place in won.places])
    ranks = np.array([place.rank for place in won.places])
    images = [place.image for place in won.places]
    maps = layer.maps(recording.activations[layer.node])
    device = maps.device
    of = uploaded(np.array([won.rows[image] for image in images]), device)
    places = won.top.position[units, ranks].astype(np.int64)
    position, unit = uploaded(places, device), uploaded(units, device)
    values = maps[of, unit, position[:, 0], position[:, 1]]
    _compare(won, values.float().cpu().numpy(), units, ranks)
    signal = one_hot_signal(layer, values, units=unit, positions=position)
    down = {
        each: project_back(recording, layer.node, signal, stimulus=of, rule=each)
        for each in recording.rules
    }
    where = [(int(row), int(column)) for row, column in places.tolist()]
    shown = {each: projections(window) for each, window in down.items()}
    evidence = None
    if trial_inputs:
        true = uploaded(np.array([layer.held.true_box(*at).as_tuple() for at in where]), device)
        rank, image = uploaded(ranks, device), uploaded(np.array(images), device)
        winners = Winners(unit, rank, image, of, values, position, true)
        trials = run_trials(
            winners,
            down[rule],
            layer=layer,
            recording=recording,
            rule=rule,
            inputs=trial_inputs,
        )
        twins, marks = projections(trials.twin), trials.marks.cpu().numpy()
        evidence = Evidence(trials.figures, twins, marks)
    boxes = [layer.held.box(*at) for at in where]
    gradients = shown.get("gradient")
    return Revisited(layer, units, ranks, images, boxes, shown[rule], gradients, evidence)


def projections(found: Window) -> Projections:
    """Windows of the input frame as arrays."""
    values = found.values.float().cpu().numpy()
    if found.top is None or found.left is None:
        return Projections(values, np.zeros((len(values), 2), np.int64))
    return Projections(values, torch.stack([found.top, found.left], 1).cpu().numpy())


def _compare(won: _Won, again: np.ndarray, units: np.ndarray, ranks: np.ndarray) -> None:
    recorded = won.top.value[units, ranks]
    wrong = np.abs(again - recorded) > 1e-5 * np.abs(recorded)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise AtlasError(
            f"{won.layer.id}/{units[at]} activated at {recorded[at]:.6g} in the first pass and at "
            f"{again[at]:.6g} in the second: the images or the network changed during the build"
        )
