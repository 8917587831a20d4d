"""Memorising: the demo network beside one that learnt permuted labels by heart."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES, LAYER, NINE
from atlas.data.experiments.memorising import (
    MEMORISING,
    NAME,
    Accuracies,
    LayerLikeness,
    Likeness,
    Match,
    Memorising,
    plate_file,
)
from atlas.data.experiments.outcomes import Outcome
from atlas.data.geometry import Box
from atlas.data.plan import Plan
from atlas.data.records import LayerFacts
from atlas.data.rounding import rounded
from atlas.data.whole_files import write_whole
from atlas.demo.files import BY_HEART_WEIGHTS
from atlas.drawing import pixels
from atlas.experiments import likeness
from atlas.experiments.likeness import Moments
from atlas.experiments.passes import values_of
from atlas.experiments.subjects import classes_of
from atlas.images.sources import label_of
from atlas.networks.layers import Layer
from atlas.networks.network import Network, load_network
from atlas.reconstruction import close_ups
from atlas.reconstruction.deconvnet import reconstruct
from atlas.scanning import topk
from atlas.scanning.topk import Maxima, TopNine

if TYPE_CHECKING:
    from atlas.compute.run import Run

BATCHES = 16  # of a piece of work
SHOWN = 3  # pairs of a layer at each end, on the page
HEART, SHUFFLED, UNTRAINED = "heart", "shuffled", "untrained"
RECORD = BY_HEART_WEIGHTS.with_suffix(".json")


def run(run: Run) -> None:
    """Compare them."""
    reason = why_not(run.network)
    if reason:
        run.write(MEMORISING, Outcome(None, reason))
        return
    other = load_network("demo", BY_HEART_WEIGHTS, device=run.network.device.type)
    result = compare(run, other, json.loads(RECORD.read_text("utf-8")))
    if result is not None:
        run.write(MEMORISING, Outcome(result))


def why_not(network: Network) -> str:
    """Why a network has no counterpart that learnt by heart; "" where it has one."""
    if network.name != "demo":
        return (
            "only the demo network has a counterpart that learnt by heart; two atlases of your own "
            "are matched by compare, with match = true"
        )
    if not (BY_HEART_WEIGHTS.is_file() and RECORD.is_file()):
        return "the weights of the network that learnt by heart aren't there"
    return ""


def compare(run: Run, other: Network, training: dict[str, Any]) -> Memorising | None:
    """The network of a run beside another one; None but at rank 0.

    ``training`` is what the other's training recorded.
    """
    network, images = run.network, run.images
    layers = network.choose(run.settings.layer_globs)
    random = load_network("demo", "none", device=network.device.type)
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    size = BATCHES * run.slots
    pieces = [usable[first : first + size] for first in range(0, len(usable), size)]
    look = _looking(run, [network, other, random], [layer.id for layer in layers])
    parts = shared_work(run, pieces, look, what=NAME)
    found: list[tuple[LayerLikeness, TopNine]] = []
    for layer in layers if run.leads else ():
        likenesses = {
            what: likeness.total(parts, f"{layer.id} {what}")
            for what in (HEART, SHUFFLED, UNTRAINED)
        }
        record = topk.empty(layer.units, statistics=False)
        for part, piece in zip(parts, pieces, strict=True):
            value, place = part[f"{layer.id} value"], part[f"{layer.id} place"]
            maxima = Maxima(value, place, np.array(piece, np.int64), layer.shape[2])
            record = topk.include(record, maxima)
        found.append((_alike(layer.id, likenesses), record))
    ends = _ends(layers)
    shown = run.ranks.share(
        [_shown(run, alike, record) for alike, record in found if alike.layer in ends]
    )
    _draw(run, other, shown)
    if not run.leads:
        return None
    plates = {facts.layer: (matches, facts.plate) for facts, matches, _ in shown}
    right = np.sum([part["right"] for part in parts], axis=0) / max(1, len(usable))
    return Memorising(
        len(usable),
        likeness.PLACES**2,
        len({label_of(images, index) for index in usable}),
        Accuracies(
            rounded(right[0]),
            rounded(right[1]),
            training["accuracy on the training images, by the labels given"],
            training["accuracy on 2400 pictures of the test seed"],
        ),
        training["training images"],
        training["epochs"],
        training["command"],
        tuple(
            LayerLikeness(
                alike.layer, alike.heart, alike.shuffled, alike.untrained, alike.pairs,
                *plates.get(alike.layer, ((), None)),
            )
            for alike, _ in found
        ),
    )  # fmt: skip


def _looking(
    run: Run, networks: Sequence[Network], layers: Sequence[str]
) -> Callable[[list[int]], dict[str, np.ndarray]]:
    """What a piece of work does: three networks look at some images.

    The sums of each layer's activations, and the maxima of the second network's.
    """
    images = run.images
    classes = classes_of(networks[0], images)
    truth_of = classes.truth if classes else lambda label: None

    def look(piece: list[int]) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        right = np.zeros(2, np.int64)
        for first in range(0, len(piece), run.slots):
            some = piece[first : first + run.slots]
            stimuli = stimuli_of(run, some)
            truths = [truth_of(label_of(images, index)) for index in some]
            looks = [_look(network, stimuli, layers, run.slots) for network in networks]
            for layer in layers:
                own, other, random = (one.maps[layer] for one in looks)
                x, y, z = map(likeness.observed, (own, other, random))
                _add(found, f"{layer} {HEART}", likeness.moments(_flat(x), _flat(y)))
                # each network looks at another image: at the next of the batch
                _add(found, f"{layer} {SHUFFLED}",
                     likeness.moments(_flat(x), _flat(np.roll(y, 1, 0))))  # fmt: skip
                _add(found, f"{layer} {UNTRAINED}", likeness.moments(_flat(x), _flat(z)))
                flat = other.reshape(*other.shape[:2], -1)
                _append(found, f"{layer} value", flat.max(2))
                _append(found, f"{layer} place", flat.argmax(2))
            for number in range(2):
                best = looks[number].best
                pairs = zip(best, truths, strict=True)
                right[number] += sum(b == t for b, t in pairs if t is not None)
        return found | {"right": right}

    return look


@dataclass(frozen=True)
class _Look:
    """What a network makes of some images: feature maps ``[N, U, H, W]`` by layer, best classes."""

    maps: dict[str, np.ndarray]
    best: list[int | None]


def _look(network: Network, stimuli: np.ndarray, layers: Sequence[str], slots: int) -> _Look:
    by_id = {name: network.layers[name] for name in layers}
    scores = network.scores
    nodes = {layer.node for layer in by_id.values()} | ({scores} if scores else set())
    (values,) = values_of(network, stimuli, nodes, slots=slots)
    return _Look(
        {name: layer.maps(values[layer.node]).numpy(force=True) for name, layer in by_id.items()},
        values[scores].argmax(1).tolist() if scores else [None] * len(stimuli),
    )


def _flat(observed: np.ndarray) -> np.ndarray:
    return observed.reshape(-1, observed.shape[2])


def _add(found: dict[str, np.ndarray], name: str, more: Moments) -> None:
    for key, value in more.named(name).items():
        found[key] = found[key] + value if key in found else value


def _append(found: dict[str, np.ndarray], name: str, more: np.ndarray) -> None:
    found[name] = np.concatenate([found[name], more]) if name in found else more


def _alike(layer: str, of: dict[str, Moments]) -> LayerLikeness:
    """How alike a layer is, from the moments of each comparison."""
    correlation = {what: likeness.correlations(one) for what, one in of.items()}
    matches = {what: likeness.matched(one) for what, one in correlation.items()}
    said = {
        what: Likeness(
            rounded(np.mean([r for _, _, r in matches[what]])), rounded(likeness.cka(one))
        )
        for what, one in of.items()
    }
    pairs = tuple(Match(x, y, rounded(r)) for x, y, r in matches[HEART])
    return LayerLikeness(layer, said[HEART], said[SHUFFLED], said[UNTRAINED], pairs)


def _ends(layers: Sequence[Layer]) -> set[str]:
    """The first and the last convolution: those whose pairs the page shows."""
    convolutions = [layer.id for layer in layers if layer.kind == "convolution"]
    return {*convolutions[:1], *convolutions[-1:]}


Winners = list[tuple[int, int, int]]  # image, row and column of each
Shown = tuple[LayerFacts, tuple[Match, ...], list[Winners]]


def _shown(run: Run, alike: LayerLikeness, record: TopNine) -> Shown:
    """The pairs of a layer to show, and the winners of the other network's unit in each."""
    facts = run.read(LAYER, alike.layer)
    full = {one.unit for one in run.read(NINE, alike.layer).units if len(one.nine) == topk.NINE}
    able = [
        pair for pair in alike.pairs
        if pair.unit in full and record.count(pair.other) == topk.NINE
    ]  # fmt: skip
    able.sort(key=lambda pair: (-pair.correlation, pair.unit))
    few = min(SHOWN, len(able) // 2)
    chosen = (*able[:few], *able[len(able) - few :])
    winners: list[Winners] = [
        [
            (int(image), int(row), int(column))
            for image, (row, column) in zip(
                record.image[pair.other], record.position[pair.other], strict=True
            )
        ]
        for pair in chosen
    ]
    return facts, chosen, winners


def _draw(run: Run, other: Network, shown: Sequence[Shown]) -> None:
    """Draw the plates of the other network's units."""
    pieces = [
        (facts, match.other, winners)
        for facts, matches, of_units in shown
        for match, winners in zip(matches, of_units, strict=True)
    ]

    def draw(piece: tuple[LayerFacts, int, Winners]) -> dict[str, np.ndarray]:
        return {"tiles": _tiles(run, other, *piece)}

    parts = shared_work(run, pieces, draw, what=f"{NAME} plates")
    for (facts, unit, winners), part in zip(pieces, parts, strict=False):
        picture = pixels.plate(facts.plate, part["tiles"], len(winners))
        path = run.folder / plate_file(facts.layer, unit)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, pixels.encoded(picture, facts.shown))


def _tiles(
    run: Run, network: Network, facts: LayerFacts, unit: int, winners: Winners
) -> np.ndarray:
    """The tiles of a unit's plate ``[9, 2, h, w, 3]``, as an atlas of that network has them."""
    layer, std = network.layers[facts.layer], network.preprocessing.std
    stimuli = stimuli_of(run, [image for image, _, _ in winners])
    signals = [
        reconstruct(
            network, stimulus, layer.id, unit, (row, column), run.settings.rule
        ).numpy(force=True)
        for stimulus, (_, row, column) in zip(stimuli, winners, strict=True)
    ]  # fmt: skip
    boxes = [layer.held.box(row, column).as_tuple() for _, row, column in winners]
    if facts.close_up:
        frame = network.preprocessing.crop
        extents = [close_ups.extent(signal, (0, 0), frame) for signal in signals]
        some = [extents[rank] for rank in close_ups.sampled(len(extents))]
        nominal = facts.receptive_field.size
        side = close_ups.closer(close_ups.side_of(some, facts.close_up, frame), nominal)
        if side is not None:
            boxes = [
                close_ups.placed(own, box, side, frame).as_tuple()
                for own, box in zip(extents, boxes, strict=True)
            ]
    size = facts.plate.tile
    tiles = np.zeros((topk.NINE, 2, *size, 3), np.uint8)
    for rank, (signal, stimulus, corners) in enumerate(zip(signals, stimuli, boxes, strict=True)):
        tiles[rank, 0] = pixels.reconstruction(signal, std=std, box=Box(*corners), size=size)
        tiles[rank, 1] = pixels.patch(stimulus, Box(*corners), size)
    return tiles


def _estimate(plan: Plan) -> int:
    return 4 * SHOWN * 14_000 + plan.units * 40


STAGE = Stage(
    NAME,
    run,
    (MEMORISING,),
    needs=("scan", "layers", "nine"),
    inputs=("network", "images", "slots", "by-heart"),
    settings=("layers", "rule", "images_policy"),
    files=(f"experiments/{NAME}/*.webp",),
    estimate=_estimate,
)
