"""Beyond the nine: images that activate a unit less strongly, at some percentiles of all images.

The nine are the extreme tail of what a unit responds to. A percentile is taken over the images'
strongest activations, by levels an eighth of a doubling wide; the image shown is the first one of
the level where the percentile lies. Around it stand the first ones of the nearest other levels, so
that nobody takes one image for a rule; an atlas without strips has none of these.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from atlas.compute.room import room
from atlas.compute.stage import Stage
from atlas.compute.winners import winner
from atlas.data import addresses, estimates, levels
from atlas.data.documents import (
    CLOSE_UPS,
    EXAMPLES,
    LAYER,
    NINE,
    PerUnit,
    UnitCloseUps,
    UnitExamples,
)
from atlas.data.geometry import Box
from atlas.data.plan import Plan
from atlas.data.records import Pair, Sample
from atlas.drawing import pixels
from atlas.images.sources import Images
from atlas.images.stimuli import stimuli
from atlas.networks.layers import Layer
from atlas.reconstruction.close_ups import box_around
from atlas.scanning.topk import TopNine

if TYPE_CHECKING:
    from atlas.compute.run import Run

PERCENTS = (99.9, 99.0, 90.0, 50.0, 0.0)
EACH = 3  # images of a percentile, at most

Units = tuple[UnitExamples, ...]


def run(run: Run) -> None:
    """Choose the examples of every unit that is shown, and draw them side by side."""
    if not run.leads:
        return
    layers = run.network.choose(run.settings.layer_globs)
    each = EACH if run.settings.keeps("strips") else 1
    chosen: list[Units] = []
    sizes = {}
    for layer in layers:
        record, facts = run.record(layer.id), run.read(LAYER, layer.id)
        sizes[layer.id] = facts.shown
        units = tuple(
            UnitExamples(one.unit, samples(record, one.unit, layer, run.images, each=each))
            for one in run.read(NINE, layer.id).units
        )
        if facts.close_up:
            frame = run.network.preprocessing.crop
            close = run.read(CLOSE_UPS, layer.id).units
            units = tuple(map(_closer, units, close, itertools.repeat(frame)))
        chosen.append(units)
        run.write(EXAMPLES, PerUnit(units), layer.id)
    settings = run.settings
    if settings.pictures and settings.has_evidence and settings.keeps("strips"):
        _draw(run, layers, chosen, sizes)


def _closer(unit: UnitExamples, close: UnitCloseUps, frame: Pair) -> UnitExamples:
    """A unit's samples with close-ups as large as those of its nine.

    They have no reconstruction, so each is placed in the middle of its nominal box.
    """
    side = close.side
    if side is None:
        return unit

    def closer(sample: Sample) -> Sample:
        if sample.winner is None:
            return sample
        box = box_around(sample.winner.box, side, frame).as_tuple()
        return Sample(sample.percent, replace(sample.winner, close_box=box))

    return UnitExamples(unit.unit, tuple(map(closer, unit.spectrum)))


def samples(
    record: TopNine, unit: int, layer: Layer, images: Images, *, each: int = EACH
) -> tuple[Sample, ...]:
    """A unit's samples, from strong to weak, ``each`` of a percentile at most.

    The first of a percentile lies on it, the others as near as can be. A percentile at level 0 has
    one sample, without an image.
    """
    if not record.images or not record.signs.size:
        return ()
    counts = record.counts[unit]
    found = []
    for percent, chosen in zip(PERCENTS, levels_around(counts, each), strict=True):
        if not chosen:
            found.append(Sample(percent))
        for level in chosen:
            at = divmod(int(record.sample_place[unit, level]), layer.shape[2])
            image, value = int(record.sample[unit, level]), record.sample_value[unit, level]
            found.append(Sample(percent, winner(images, layer, image, value, at)))
    return tuple(found)


def levels_around(counts: np.ndarray, each: int) -> list[list[int]]:
    """For every percentile its level and the nearest ones that images reached, ``each`` at most.

    ``counts`` ``[LEVELS]`` are a unit's. No level stands at two percentiles unless they are at one
    level themselves, and each goes to the percentile that it is nearest to.
    """
    own = [levels.percentile(counts, max(percent / 100, 1e-12)) for percent in PERCENTS]
    near: list[list[int]] = [[] for _ in own]
    for other in (np.flatnonzero(counts[1:]) + 1).tolist():
        if other not in own:
            distances = [abs(other - level) for level in own]
            near[distances.index(min(distances))].append(other)
    return [
        [level, *sorted(mine, key=lambda other: abs(other - level))[: each - 1]] if level else []
        for level, mine in zip(own, near, strict=True)
    ]


def _draw(run: Run, layers: list[Layer], chosen: list[Units], sizes: Mapping[str, Pair]) -> None:
    """Draw every unit's samples as one strip, as WebP; a sample without an image stays clear.

    ``sizes`` are those of the largest box that a layer's tiles show.
    """
    wanted: dict[int, list[tuple[int, int, int]]] = {}
    tiles = []
    for number, (layer, units) in enumerate(zip(layers, chosen, strict=True)):
        most = max((len(unit.spectrum) for unit in units), default=0)
        shape = (len(units), most, *pixels.strip_tile(sizes[layer.id]), 3)
        tiles.append(room(run.scratch / f"{layer.id}.tiles", shape, np.uint8))
        for row, unit in enumerate(units):
            for place, sample in enumerate(unit.spectrum):
                if sample.winner:
                    wanted.setdefault(sample.winner.image, []).append((number, row, place))
    source = stimuli(
        run.images,
        run.network.preprocessing,
        sorted(wanted),
        workers=run.settings.workers,
        cache=run.cache,
        again=True,
    )
    for stimulus in source:
        for number, row, place in wanted[stimulus.index]:
            sample = chosen[number][row].spectrum[place]
            assert sample.winner is not None
            box, tile = Box(*sample.winner.shown), tiles[number].shape[2:4]
            tiles[number][row, place] = pixels.patch(stimulus.pixels, box, (tile[0], tile[1]))
    with ThreadPoolExecutor() as pool:
        for layer, units, drawn in zip(layers, chosen, tiles, strict=True):
            list(pool.map(partial(_write_strip, run, layer.id, sizes[layer.id]), units, drawn))


def _write_strip(run: Run, layer: str, size: Pair, unit: UnitExamples, tiles: np.ndarray) -> None:
    shown = [sample.winner is not None for sample in unit.spectrum]
    if any(shown):
        path = run.folder / addresses.spectrum_file(layer, unit.unit)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pixels.strip(tiles[: len(shown)], shown, size))


def _scratch(plan: Plan) -> int:
    """The strips before they are drawn."""
    if not (plan.evidence and plan.pictures and "strips" in plan.kept):
        return 0
    tiles = [layer.units * 3 * math.prod(pixels.strip_tile(layer.shown)) for layer in plan.layers]
    return EACH * len(PERCENTS) * sum(tiles)


STAGE = Stage(
    "examples",
    run,
    (EXAMPLES,),
    needs=("scan", "layers", "nine", "close_ups"),
    inputs=("network", "images"),
    settings=("layers", "images_policy", "evidence"),
    extras=("strips",),
    files=("*/spectrum/*.webp",),
    estimate=estimates.examples,
    scratch=_scratch,
)
