"""Overlaps with concepts against loops over pixels, and names against chance."""

import numpy as np
import pytest
import torch

import atlas
from atlas.data import levels
from atlas.evidence import concepts
from atlas.evidence.concepts import Overlap
from atlas.images.masks import DemoMasks, cells_of
from atlas.images.sources import DemoImages
from atlas.networks.batching import CPU_SLOTS, Running
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction.recording import record

COUNT, SIDE = 30, 3  # pictures; pixels along the side of a cell: 43 cells for 128 pixels


@pytest.fixture(scope="module")
def network() -> Network:
    return atlas.load_network("demo")


def interpolated(maps: np.ndarray, layer: Layer) -> np.ndarray:
    """Feature maps ``[U, h, w]`` at the centres of cells, by NumPy's own interpolation."""
    centres = np.arange(43) * SIDE + (SIDE - 1) / 2
    rows, columns = (
        (centres - layer.field.offset[i] - (layer.field.size[i] - 1) / 2) / layer.field.stride[i]
        for i in (0, 1)
    )
    places = np.arange(maps.shape[1])
    down = np.apply_along_axis(lambda line: np.interp(rows, places, line), 1, maps)
    return np.apply_along_axis(lambda line: np.interp(columns, places, line), 2, down)


@pytest.mark.parametrize("name", ["conv2", "conv4"])
def test_overlaps_are_what_pixels_say(network: Network, name: str) -> None:
    images = DemoImages(COUNT)
    masks, layer = DemoMasks(images), network.layer(name)
    chosen = concepts.choose(masks)
    assert chosen == list(range(COUNT))
    overlaps = concepts.overlaps(
        network, images, masks, layers=[layer], chosen=chosen, running=Running(CPU_SLOTS)
    )
    names, found = overlaps.names, overlaps.of_layers

    stimuli = np.stack([network.preprocessing.stimulus(images[i]) for i in chosen])
    with torch.no_grad():
        recording = record(network.graph, network.inputs(stimuli), [layer.node], "deconvnet")
    maps = recording.activations[layer.node].numpy()
    rows, columns = (-(-n // concepts.PLACES) for n in maps.shape[2:])
    some = maps[:, :, rows // 2 :: rows, columns // 2 :: columns]
    cells = [
        {part: cells_of(mask, network.preprocessing) for part, mask in masks.of(i).items()}
        for i in chosen
    ]
    assert names == sorted({part for one in cells for part, mask in one.items() if mask.any()})
    for unit in range(0, layer.units, 9):
        values = np.sort(some[:, unit].ravel())[::-1]
        limit = values[int(concepts.TOP * values.size)]  # so many more are above
        level = int(levels.level_of(np.array([limit], np.float32))[0])
        limit = levels.lower_bound(level + 1)
        active = [interpolated(one[unit : unit + 1], layer)[0] >= limit for one in maps]
        for column, part in enumerate(names):
            pairs = [
                (a, one.get(part, np.zeros_like(a))) for a, one in zip(active, cells, strict=True)
            ]
            both = sum((a & mask).sum() for a, mask in pairs)
            either = sum((a | mask).sum() for a, mask in pairs)
            # a cell at the very threshold may fall to either side by rounding
            assert found[name].real[unit, column] == pytest.approx(both / max(either, 1), abs=2e-3)


def test_no_more_than_the_share_passes_a_threshold() -> None:
    rng = np.random.default_rng(0)
    values = rng.exponential(1, (4, 20_000)).astype(np.float32)
    values[2] = 0  # never fires
    values[3] = 1  # ever the same
    limits = concepts.thresholds_of(levels.count(levels.level_of(values.T)).astype(np.int64))
    above = (values >= limits[:, None]).mean(1)
    assert 0.003 < above[0] <= concepts.TOP and 0.003 < above[1] <= concepts.TOP
    assert above[2] == above[3] == 0


def test_only_what_beats_chance_has_a_name() -> None:
    real = np.array([[0.30, 0.10], [0.05, 0.06], [0.03, 0.02], [0.2, 0.25]])
    chance = np.array([[0.08, 0.09], [0.02, 0.07], [0.01, 0.01], [0.01, 0.1]])
    assert concepts.labels(["ear", "nose"], Overlap(real, chance)) == [
        (("ear", 0.3),), (), (), (("nose", 0.25), ("ear", 0.2)),
    ]  # fmt: skip


def test_of_many_units_that_look_at_nothing_none_has_a_name_and_one_that_does_has() -> None:
    """Overlaps by chance, of units that are active here and there."""
    dice = np.random.default_rng(0)
    layers = 60
    named, luckier = 0, 0
    for _ in range(layers):
        active = dice.uniform(0.01, 0.1, 300)[:, None]
        drawn = active * dice.gamma(9, 1 / 9, (300, 1 + concepts.DRAWS))
        real, chance = drawn[:, :1].copy(), drawn[:, 1:]
        luckier += sum((real[:, 0] > chance.max(1)) & (real[:, 0] >= concepts.LEAST))
        named += any(concepts.labels(["ear"], Overlap(real, chance)))
        real[7] = 0.4  # beyond what any draw reaches
        assert concepts.labels(["ear"], Overlap(real, chance))[7] == (("ear", 0.4),)
    assert luckier > 5 * layers  # each judged by itself: several units of every layer
    assert named <= 8, named  # 1 in 21 layers; more than 8 of 60 come once in 200 times


@pytest.mark.slow
def test_units_that_know_nothing_of_the_masks_stay_nameless(network: Network) -> None:
    """The masks of other pictures: what they have in common with units is chance."""

    shuffled = np.random.default_rng(0).permutation(120)

    class Strangers(DemoMasks):
        def of(self, index: int) -> dict[str, object]:  # type: ignore[override]
            return super().of(int(shuffled[index]))  # type: ignore[return-value]

    images = DemoImages(120)
    for masks, least, most in ((DemoMasks(images), 0.3, 1.0), (Strangers(images), 0.0, 0.1)):
        overlaps = concepts.overlaps(
            network,
            images,
            masks,
            layers=[network.layer("conv5")],
            chosen=concepts.choose(masks),
            running=Running(CPU_SLOTS),
        )
        own = concepts.labels(overlaps.names, overlaps.of_layers["conv5"])
        named = np.mean([bool(one) for one in own])
        assert least <= named <= most


def test_choosing_misses_no_class() -> None:
    """Classes come in turn, so every so-manyth picture would."""
    images = DemoImages(2_400)
    chosen = concepts.choose(DemoMasks(images), leave_out={0, 1})
    assert len(chosen) == concepts.MOST and chosen == sorted(set(chosen)) and chosen[0] > 1
    assert len({images.label(index) for index in chosen}) == 24
