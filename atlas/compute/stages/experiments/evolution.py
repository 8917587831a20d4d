"""Units on the way of training: what excites each most at every checkpoint, and its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.shared_work import Arrays, shared_work
from atlas.compute.stage import Stage
from atlas.data.documents import CLOSE_UPS, IMAGES, LAYER, NINE, PerUnit
from atlas.data.experiments.evolution import (
    EVOLUTION,
    UNITS,
    Evolution,
    Strongest,
    UnitEvolution,
    strip_file,
)
from atlas.data.experiments.outcomes import Outcome
from atlas.data.geometry import Box
from atlas.data.plan import Plan
from atlas.data.records import Pair
from atlas.data.rounding import significant
from atlas.data.whole_files import write_whole
from atlas.drawing import pixels
from atlas.experiments import evolution
from atlas.experiments.evolution import NONE, Activation, Peak, Projected
from atlas.experiments.subjects import spread
from atlas.images.sources import name_of
from atlas.images.stimuli import Stimulus, stimuli
from atlas.networks.checkpoints import Checkpoints, Moment, moments
from atlas.networks.layers import Layer
from atlas.reconstruction import close_ups

if TYPE_CHECKING:
    from atlas.compute.run import Run

MOST_IMAGES = 256  # that are looked at, spread over all
MOST_MOMENTS = 12  # checkpoints that are looked at, spread over all
BLOCK = 64  # images that are looked at with all weights in one piece of work
UNITS_TOGETHER = 128  # units whose tiles are drawn in one piece of work
FIGURE, ROWS = 6, 48  # units that stand for a layer, and for all layers together, at most
STRIP_BYTES, DATA_BYTES = 9_000, 900  # of a unit

NO_CHECKPOINTS = (
    "it needs the network's weights from the way of its training, and --checkpoints FOLDER says "
    "where they are"
)


def run(run: Run) -> None:
    """Look at every unit at every checkpoint."""
    given = run.checkpoints
    if given is None:
        run.write(EVOLUTION, Outcome(None, NO_CHECKPOINTS))
        return
    course = moments(run.network, _some(given))
    layers = run.network.choose(run.settings.layer_globs)
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    images = evolution.spread(usable, MOST_IMAGES)
    found = run.ranks.share(_looked_at(run, course, layers, images))
    pieces = run.ranks.share(_pieces(run, layers, found) if run.leads else [])

    def draw(piece: _Piece) -> Arrays:
        return _drawn(run, course, piece, found[piece.layer])

    drawn = shared_work(run, pieces, draw, what="units during training")
    if not run.leads:
        return
    curves = []
    for layer in layers:
        units: list[UnitEvolution] = []
        own = [pair for pair in zip(pieces, drawn, strict=True) if pair[0].layer == layer.id]
        for piece, results in own:
            units += _units(run, layer, piece, found[layer.id], results)
            _write_strips(run, piece, results)
        run.write(UNITS, PerUnit(tuple(units)), layer.id)
        first = own[0][0]
        tile = pixels.strip_tile(first.shown)
        curves.append(evolution.of_layer(layer.id, units, tile=tile, figure=first.figure))
    names = tuple(moment.name for moment in course[:-1])
    result = Evolution(names, len(given.files), len(images), len(usable), tuple(curves))
    run.write(EVOLUTION, Outcome(result))


def _some(given: Checkpoints) -> Checkpoints:
    """So many checkpoints as are looked at: the first, and others spread evenly."""
    return Checkpoints(given.root, tuple(spread(given.files, MOST_MOMENTS)))


def _figure(units: Sequence[int], *, layers: int) -> list[int]:
    """Units that stand for one of so many layers: spread evenly over those that fire at the end."""
    return spread(units, min(FIGURE, max(2, ROWS // layers)))


@dataclass(frozen=True)
class _Found:
    """What was found of a layer's U units: a peak for each moment, and for each moment the
    correlation of their activations with those at the end, ``[U]``."""

    peaks: tuple[Peak, ...]
    activations: tuple[np.ndarray, ...]


def _looked_at(
    run: Run, course: Sequence[Moment], layers: Sequence[Layer], images: Sequence[int]
) -> dict[str, _Found]:
    """What was found of each layer, at rank 0."""
    network, slots = run.network, run.slots
    blocks = [images[first : first + BLOCK] for first in range(0, len(images), BLOCK)]

    def look(block: Sequence[int]) -> Arrays:
        some = _stimuli(run, block)
        found: dict[str, np.ndarray] = {}
        last = evolution.maxima(network, course[-1].graph, layers, some, slots=slots)
        for number, moment in enumerate(course):
            own = last
            if moment is not course[-1]:
                own = evolution.maxima(network, moment.graph, layers, some, slots=slots)
            for layer, maxima in own.items():
                best = evolution.peak(maxima)
                found[f"{number} {layer} value"] = best.value
                found[f"{number} {layer} image"] = best.image
                found[f"{number} {layer} place"] = best.place
                found[f"{number} {layer} sums"] = evolution.sums(maxima, last[layer])
        return found

    parts = shared_work(run, blocks, look, what="images during training")
    found = {}
    for layer in layers if run.leads else ():
        peaks, activations = [], []
        for number in range(len(course)):
            at = f"{number} {layer.id}"
            peak, *others = (
                Peak(part[f"{at} value"], part[f"{at} image"], part[f"{at} place"])
                for part in parts
            )
            for other in others:
                peak = evolution.merged(peak, other)
            peaks.append(peak)
            sums = np.sum([part[f"{at} sums"] for part in parts], axis=0)
            activations.append(evolution.correlation(sums))
        found[layer.id] = _Found(tuple(peaks), tuple(activations))
    return found


def _stimuli(run: Run, images: Sequence[int]) -> list[Stimulus]:
    source = stimuli(run.images, run.network.preprocessing, images, cache=run.cache, again=True)
    return list(source)


@dataclass(frozen=True)
class _Piece:
    """Some units of a layer: their numbers, and how large their close-ups are, None for nominal
    boxes. ``drawn`` are those that get a strip, and ``figure`` stand for the layer. ``shown`` is
    the size of the largest box that a tile shows."""

    layer: str
    units: tuple[int, ...]
    sides: tuple[int | None, ...]
    drawn: frozenset[int]
    figure: tuple[int, ...]
    shown: Pair


def _pieces(run: Run, layers: Sequence[Layer], found: Mapping[str, _Found]) -> list[_Piece]:
    """The units that are shown, in pieces of work; at rank 0."""
    pieces = []
    for layer in layers:
        facts, units = run.read(LAYER, layer.id), run.read(NINE, layer.id).units
        close = run.read(CLOSE_UPS, layer.id).units if facts.close_up else ()
        sides = {one.unit: one.side for one in close}
        ends = found[layer.id].peaks[-1].image
        firing = [one.unit for one in units if ends[one.unit] != NONE]
        figure = _figure(firing, layers=len(layers))
        for first in range(0, len(units), UNITS_TOGETHER):
            some = tuple(one.unit for one in units[first : first + UNITS_TOGETHER])
            drawn = frozenset(some).intersection(some if run.settings.keeps("moments") else figure)
            own = tuple(sides.get(unit) for unit in some)
            pieces.append(_Piece(layer.id, some, own, drawn, tuple(figure), facts.shown))
    return pieces


def _drawn(run: Run, course: Sequence[Moment], piece: _Piece, found: _Found) -> Arrays:
    """Strips of the units of a piece, the boxes on them, and how alike reconstructions are.

    ``likeness`` ``[units, moments]``, ``boxes`` ``[units, moments, 4]``, and each strip as bytes.
    """
    network, layer = run.network, run.network.layer(piece.layer)
    strongest = [_activations(peak, piece, layer) for peak in found.peaks]
    images = {one.image for some in strongest for one in some.values()}
    there = {one.index: one for one in _stimuli(run, sorted(images))}
    tile, count = pixels.strip_tile(piece.shown), len(course)
    likeness = np.zeros((len(piece.units), count))
    boxes = np.zeros((len(piece.units), count, 4), np.int64)
    tiles = np.zeros((len(piece.units), 2, count, *tile, 3), np.uint8)
    at_end: dict[Activation, Projected] = {}
    for number in reversed(range(count)):  # the end first, with which the others are compared
        projected = evolution.reconstructions(
            network, course[number].graph, layer,
            [*strongest[-1].values(), *strongest[number].values()], there,
            rule=run.settings.rule, slots=run.slots,
        )  # fmt: skip
        at_end = at_end or projected
        for row, unit in enumerate(piece.units):
            if unit in strongest[-1]:
                last = strongest[-1][unit]
                likeness[row, number] = evolution.likeness(projected[last], at_end[last])
            if unit in strongest[number]:
                own = strongest[number][unit]
                box = _box(run, layer, own, projected[own], side=piece.sides[row])
                boxes[row, number] = box.as_tuple()
                tiles[row, 0, number] = pixels.reconstruction(
                    projected[own].values, std=network.preprocessing.std, box=box, size=tile,
                    corner=projected[own].corner,
                )  # fmt: skip
                tiles[row, 1, number] = pixels.patch(there[own.image].pixels, box, tile)
    result: dict[str, np.ndarray] = {"likeness": likeness, "boxes": boxes}
    kinds = 2 if run.settings.pictures else 1
    for row, unit in enumerate(piece.units):
        fires = [unit in some for some in strongest] * kinds
        if unit in piece.drawn and any(fires):
            flat = tiles[row, :kinds].reshape(-1, *tile, 3)
            strip = pixels.strip(flat, fires, piece.shown)
            result[f"strip {unit}"] = np.frombuffer(strip, np.uint8)
    return result


def _activations(peak: Peak, piece: _Piece, layer: Layer) -> dict[int, Activation]:
    """The strongest activation of each unit of a piece that any image excites."""
    found = {}
    for unit in piece.units:
        if peak.image[unit] != NONE:
            row, column = divmod(int(peak.place[unit]), layer.shape[2])
            found[unit] = Activation(unit, int(peak.image[unit]), (row, column))
    return found


def _box(run: Run, layer: Layer, of: Activation, down: Projected, *, side: int | None) -> Box:
    """What the tile of an activation shows: as the unit's other tiles, a box or a close-up."""
    nominal, frame = layer.held.box(*of.position), run.network.preprocessing.crop
    if side is None:
        return nominal
    extent = close_ups.extent(down.values, down.corner, frame)
    middle = extent if extent[2] > extent[0] else nominal.as_tuple()
    return close_ups.box_around(middle, side, frame)


def _units(
    run: Run, layer: Layer, piece: _Piece, found: _Found, results: Arrays
) -> list[UnitEvolution]:
    """What became of each unit of a piece."""
    strongest = [_activations(peak, piece, layer) for peak in found.peaks]
    units = []
    for row, unit in enumerate(piece.units):
        if unit not in strongest[-1]:
            activations: tuple[float, ...] = ()
            likeness: tuple[float, ...] = ()
        else:
            activations = tuple(significant(some[unit], 4) for some in found.activations)
            likeness = tuple(significant(one, 4) for one in results["likeness"][row])
        shown: list[Strongest | None] = []
        for number, some in enumerate(strongest):
            if unit not in some:
                shown.append(None)
                continue
            own, peak = some[unit], found.peaks[number]
            top, left, bottom, right = results["boxes"][row, number].tolist()
            shown.append(
                Strongest(
                    significant(peak.value[unit], 4),
                    own.image,
                    name_of(run.images, own.image),
                    own.position,
                    (top, left, bottom, right),
                )
            )
        units.append(UnitEvolution(unit, tuple(shown), activations, likeness))
    return units


def _write_strips(run: Run, piece: _Piece, results: Arrays) -> None:
    for unit in sorted(piece.drawn):
        strip = results.get(f"strip {unit}")
        if strip is not None:
            path = run.folder / strip_file(piece.layer, unit)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, strip.tobytes())


def _estimate(plan: Plan) -> int:
    if not plan.checkpoints:
        return 0
    drawn = plan.units if "moments" in plan.kept else FIGURE * len(plan.layers)
    return drawn * STRIP_BYTES + plan.units * DATA_BYTES


STAGE = Stage(
    "evolution",
    run,
    (EVOLUTION, UNITS),
    needs=("scan", "layers", "nine", "close_ups"),
    inputs=("network", "images", "slots", "checkpoints"),
    settings=("layers", "rule", "images_policy"),
    extras=("moments",),
    files=("experiments/evolution/*/*.webp",),
    estimate=_estimate,
)
