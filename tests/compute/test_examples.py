from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import atlas
from atlas.compute.stages.examples import EACH, PERCENTS, levels_around
from atlas.data import levels
from atlas.data.documents import read_layer
from atlas.drawing import pixels
from atlas.images.sources import DemoImages


@pytest.mark.parametrize("name", ["conv1", "conv4"])
def test_samples_stand_at_their_percentiles(site: Path, name: str) -> None:
    network, images = atlas.load_network("demo"), DemoImages(96)
    stimuli = [network.preprocessing.stimulus(image) for image in images]
    layer = network.layer(name)
    peaks = np.zeros((96, layer.units), np.float32)
    for start in range(0, 96, 16):
        inputs = network.inputs(np.stack(stimuli[start : start + 16]))
        for _, maps in network.activations(inputs, [layer]):
            peaks[start : start + 16] = maps.flatten(2).amax(2).numpy()
    shown = read_layer(site / "small", name)
    for unit in shown.top:
        ordered = np.sort(peaks[:, unit.unit])
        percents = [sample.percent for sample in unit.spectrum]
        assert list(dict.fromkeys(percents)) == list(PERCENTS)
        assert max(Counter(percents).values()) <= EACH
        for percent in PERCENTS:
            sample = unit.spectrum[percents.index(percent)]
            place = max(0, int(np.ceil(sample.percent / 100 * 96)) - 1)
            level = levels.level_of(ordered[place][None])[0]
            if sample.winner is None:
                assert level == 0
                continue
            winner = sample.winner
            assert levels.level_of(np.array([winner.value], np.float32))[0] == level
            assert np.float32(winner.value) == peaks[winner.image, unit.unit]
            of_level = np.flatnonzero(levels.level_of(peaks[:, unit.unit]) == level)
            assert winner.image == of_level[0]


def test_strips_show_the_samples_patches(site: Path) -> None:
    network, images = atlas.load_network("demo"), DemoImages(96)
    layer = read_layer(site / "small", "conv1")
    height, width = pixels.strip_tile(layer.receptive_field.size)
    for unit in layer.top[:6]:
        strip = Image.open(site / "small" / "conv1" / "spectrum" / f"{unit.unit}.webp")
        for place, sample in enumerate(unit.spectrum):
            if sample.winner is None:
                continue
            left = place * (width + pixels.GAP)
            tile = np.asarray(strip.convert("RGB").crop((left, 0, left + width, height)), float)
            stimulus = network.preprocessing.stimulus(images[sample.winner.image])
            top, left, bottom, right = sample.winner.box
            patch = stimulus[top:bottom, left:right].mean((0, 1))
            assert np.abs(tile.mean((0, 1)) - patch).max() < 8


def test_others_of_a_percentile_are_its_nearest_levels_and_no_other_percentiles() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        values = np.exp(random.normal(size=random.integers(5, 400)) * 2).astype(np.float32)
        values[random.random(len(values)) < random.random()] = 0
        counts = levels.count(levels.level_of(values[:, None]))[0]
        around = levels_around(counts, EACH)
        own = [levels.percentile(counts, max(percent / 100, 1e-12)) for percent in PERCENTS]
        assert [one[:1] for one in around] == [[level] if level else [] for level in own]
        others = [level for one in around for level in one[1:]]
        assert len(others) == len(set(others)) and not set(others) & set(own)
        for level, (_, *more) in ((n, one) for n, one in zip(own, around, strict=True) if one):
            assert len(more) < EACH
            assert all(counts[other] for other in more)
            assert all(abs(m - level) == min(abs(m - n) for n in own) for m in more)
        assert [one[:1] for one in levels_around(counts, 1)] == levels_around(counts, 1)
