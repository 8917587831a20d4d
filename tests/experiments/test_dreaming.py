"""Dreams: the gradient against finite differences, tiles that cover, and what the stage writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from atlas.compute.stages import scan
from atlas.compute.stages.experiments import dreaming as stage
from atlas.data.experiments.dreaming import DREAMING
from atlas.data.settings import Settings
from atlas.experiments.dreaming import (
    STEP,
    Recipe,
    corners,
    dreamed,
    energies,
    enlarged,
    gradient_of,
)
from tests.support.experiments import (
    LABELS,
    SIDE,
    Photographs,
    as_ranks,
    contents,
    experimented,
    tiny,
)

STAGES = (scan.STAGE, stage.STAGE)


def half_energy(picture: np.ndarray, unit: int | None) -> float:
    """Half the sum of squared activations of the second layer by the plain model, in float64."""
    network = tiny(double=True)
    mean, std = network.preprocessing.mean, network.preprocessing.std
    value = torch.tensor((picture / 255 - np.array(mean)) / np.array(std)).permute(2, 0, 1)[None]
    with torch.no_grad():
        maps = network.module[:4](value)
    return float((maps if unit is None else maps[:, unit]).square().sum() / 2)


@pytest.mark.parametrize("unit", [None, 3])
def test_the_gradient_is_that_of_finite_differences(unit: int | None) -> None:
    network, picture = tiny(double=True), Photographs().pixels[4].astype(np.float32)
    layer = list(network.layers.values())[1]
    gradient = gradient_of(network, picture, layer, unit=unit, slots=2)
    compared = 0
    for row, column, channel in np.random.default_rng(0).integers(0, (SIDE, SIDE, 3), (60, 3)):
        up, down = picture.astype(np.float64), picture.astype(np.float64)
        up[row, column, channel] += 1e-3
        down[row, column, channel] -= 1e-3
        slope = (half_energy(up, unit) - half_energy(down, unit)) / 2e-3
        compared += abs(slope) > 1e-9
        assert gradient[row, column, channel] == pytest.approx(slope, rel=1e-3, abs=1e-9)
    assert compared > 20


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (40, 16), (33, 48)])
def test_tiles_cover_a_picture_and_stay_within_it(size: tuple[int, int]) -> None:
    seen = np.zeros(size, int)
    places = corners(size, (16, 16))
    for top, left in places:
        assert 0 <= top <= size[0] - 16 and 0 <= left <= size[1] - 16
        seen[top : top + 16, left : left + 16] += 1
    assert seen.min() == 1 and len(places) == -(-size[0] // 16) * -(-size[1] // 16)


def test_the_gradient_over_tiles_is_that_of_each_and_their_mean_where_they_overlap() -> None:
    network = tiny(double=True)
    layer = list(network.layers.values())[1]
    picture = np.random.default_rng(1).integers(0, 256, (16, 24, 3)).astype(np.float32)
    whole = gradient_of(network, picture, layer, unit=None, slots=8)
    left, right = (
        gradient_of(network, picture[:, at : at + 16], layer, unit=None, slots=1) for at in (0, 8)
    )
    mean = (left[:, 8:] + right[:, :8]) / 2
    known = np.concatenate([left[:, :8], mean, right[:, 8:]], axis=1)
    assert np.abs(whole - known).max() <= 1e-5 * np.abs(known).max()


def test_sizes_cover_the_frame_and_keep_the_proportions() -> None:
    assert Recipe(3, 1, 1.5).sizes((50, 100), (20, 20)) == [(20, 40), (30, 60), (45, 90)]
    assert Recipe(1, 1).sizes((7, 300), (24, 20)) == [(24, 1029)]


def test_a_dream_excites_its_layer_more_is_repeatable_and_moves_no_further_than_its_steps() -> None:
    network, picture = tiny(), Photographs().pixels[4]
    layer, recipe = list(network.layers.values())[1], Recipe(2, 12)
    dream = dreamed(network, picture, layer, slots=4, recipe=recipe)
    assert dream.dtype == np.uint8 and dream.shape == (22, 22, 3)
    before = energies(network, enlarged(picture, (22, 22)), layer, slots=4)
    assert energies(network, dream, layer, slots=4).mean() > 1.1 * before.mean()
    assert np.array_equal(dream, dreamed(network, picture, layer, slots=4, recipe=recipe))
    other = dreamed(network, picture, layer, slots=4, recipe=recipe, seed=1)
    assert not np.array_equal(dream, other)
    one = dreamed(network, picture, layer, slots=4, recipe=Recipe(1, 1))
    apart = np.abs(one.astype(float) - picture)
    assert 0 < apart.mean() <= STEP + 0.5
    unit = dreamed(network, picture, layer, unit=3, slots=4, recipe=recipe)
    risen = energies(network, unit, layer, slots=4)[3]
    assert risen > energies(network, dream, layer, slots=4)[3] > 0


def test_the_stage_keeps_what_the_page_says_and_pictures_that_say_it_again(tmp_path: Path) -> None:
    experimented(tmp_path, STAGES)
    folder, network = tmp_path / "atlas", tiny()
    found = DREAMING.read(folder).result
    assert found and found.sizes[0] == (SIDE, SIDE) and len(found.subjects) == len(LABELS)
    for one in found.subjects:
        assert [dream.layer for dream in one.dreams] == list(found.layers)
        for dream in one.dreams:
            with Image.open(folder / "experiments" / "dreaming" / dream.picture) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            assert pixels.shape[:2] == found.sizes[-1]
            again = energies(network, pixels, network.layer(dream.layer), slots=8)
            assert dream.energy[1] > dream.energy[0]
            assert again.mean() == pytest.approx(dream.energy[1], rel=0.25)  # WebP loses a little
            rises = [unit.after - unit.before for unit in dream.units]
            assert rises == sorted(rises, reverse=True) and all(rise > 0 for rise in rises)


def test_without_pixels_there_is_a_reason(tmp_path: Path) -> None:
    experimented(tmp_path, STAGES, settings=Settings(workers=0, images_policy="pointers"))
    outcome = DREAMING.read(tmp_path / "atlas")
    assert outcome.result is None and "no pixels" in outcome.reason
    assert not any("dreaming/" in name for name in contents(tmp_path / "atlas"))


def test_three_ranks_dream_the_same(tmp_path: Path) -> None:
    experimented(tmp_path / "alone", STAGES)
    as_ranks(3, lambda ranks: experimented(tmp_path / f"{ranks.rank}", STAGES, ranks=ranks))
    alone, shared = (contents(tmp_path / name / "atlas") for name in ("alone", "0"))
    assert shared == alone and any("dreaming/" in name for name in alone)
