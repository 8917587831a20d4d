"""Beyond the nine: what a unit responds to less strongly, at some percentiles of all images.

The nine are the extreme tail of what a unit responds to. A percentile is taken over the images'
strongest activations, by levels an eighth of a doubling wide, and shown is the first image of the
level where it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from atlas.compute.tile_store import room
from atlas.data import addresses, levels, records
from atlas.data.geometry import Box
from atlas.drawing import pixels
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import Images, StimulusCache, label_of, name_of, stimuli
from atlas.networks.layers import Layer
from atlas.scanning.topk import TopNine

PERCENTS = (99.9, 99.0, 90.0, 50.0, 0.0)


def of_unit(record: TopNine, unit: int, layer: Layer, images: Images) -> tuple[records.Sample, ...]:
    """A unit's samples, from strong to weak; those at level 0 have no image."""
    found = []
    for percent in PERCENTS if record.images and record.signs.size else ():
        level = levels.percentile(record.counts[unit], max(percent / 100, 1e-12))
        if level == 0:
            found.append(records.Sample(percent))
            continue
        at = divmod(int(record.sample_place[unit, level]), layer.shape[2])
        image, value = int(record.sample[unit, level]), record.sample_value[unit, level]
        found.append(records.Sample(percent, winner(images, layer, image, value, at)))
    return tuple(found)


def winner(
    images: Images, layer: Layer, image: int, value: np.float32, position: tuple[int, int]
) -> records.Winner:
    """The record of an image that activates a unit so much at a position."""
    return records.Winner(
        image,
        name_of(images, image),
        label_of(images, image),
        # the number with the fewest digits that is this float32 and no other
        float(np.format_float_positional(value, trim="-")),
        position,
        layer.field.box(*position).as_tuple(),
        layer.field.true_box(*position).as_tuple(),
    )


def write_strips(
    layers: Sequence[records.LayerData],
    images: Images,
    preprocessing: Preprocessing,
    folder: Path,
    scratch: Path,
    workers: int,
    kept: StimulusCache,
) -> None:
    """Draw every unit's samples side by side, as WebP; those without an image stay clear."""
    wanted: dict[int, list[tuple[int, int, int]]] = {}
    tiles = []
    for number, layer in enumerate(layers):
        shape = (len(layer.top), len(PERCENTS), *pixels.strip_tile(layer.receptive_field.size), 3)
        tiles.append(room(scratch / f"{layer.layer}.spectrum", shape, np.uint8))
        for row, unit in enumerate(layer.top):
            for place, sample in enumerate(unit.spectrum):
                if sample.winner:
                    wanted.setdefault(sample.winner.image, []).append((number, row, place))
    for stimulus in stimuli(images, preprocessing, sorted(wanted), workers, kept=kept, again=True):
        for number, row, place in wanted[stimulus.index]:
            sample = layers[number].top[row].spectrum[place]
            assert sample.winner is not None
            box, tile = Box(*sample.winner.box), tiles[number].shape[2:4]
            tiles[number][row, place] = pixels.patch(stimulus.pixels, box, (tile[0], tile[1]))
    for layer, drawn in zip(layers, tiles, strict=True):
        for row, unit in enumerate(layer.top):
            shown = [sample.winner is not None for sample in unit.spectrum]
            if any(shown):
                path = folder / addresses.spectrum_file(layer.layer, unit.unit)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(pixels.strip(drawn[row], shown, layer.receptive_field.size))
