"""Steps that fool, against finite differences and loops over steps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from atlas.compute.stages import scan
from atlas.compute.stages.experiments import fooling as stage
from atlas.data import levels
from atlas.data.documents import IMAGES
from atlas.data.experiments.fooling import FOOLING, Fooling, smallest
from atlas.experiments.fooling import changes, gradient_signs, random_signs, spreads, stepped
from tests.support.experiments import Photographs, contents, experimented, tiny

STAGES = (scan.STAGE, stage.STAGE)


def loss(picture: np.ndarray, given: int) -> float:
    """The cross-entropy of a class by the plain model, in float64; levels may be fractions."""
    network = tiny(double=True)
    mean, std = network.preprocessing.mean, network.preprocessing.std
    value = torch.tensor((picture / 255 - np.array(mean)) / np.array(std)).permute(2, 0, 1)[None]
    with torch.no_grad():
        return -float(torch.log_softmax(network.module(value), 1)[0, given])


def test_signs_are_those_of_the_losss_finite_differences() -> None:
    network, picture = tiny(double=True), Photographs().pixels[4]
    signs = gradient_signs(network, picture, network.scores, 1)
    assert signs.shape == picture.shape
    dice = np.random.default_rng(0)
    compared = 0
    for row, column, channel in dice.integers(0, (16, 16, 3), (60, 3)):
        up, down = picture.astype(np.float64), picture.astype(np.float64)
        up[row, column, channel] += 0.01
        down[row, column, channel] -= 0.01
        slope = loss(up, 1) - loss(down, 1)
        if abs(slope) > 1e-9:
            compared += 1
            assert signs[row, column, channel] == np.sign(slope)
    assert compared > 20


def test_a_step_is_a_real_picture_so_many_levels_away() -> None:
    picture = np.array([[[0, 100, 250], [255, 3, 128]]], np.uint8)
    signs = np.array([[[-1, 1, 1], [1, -1, 0]]], np.int16)
    one, ten = stepped(picture, signs, [1, 10])
    assert one.tolist() == [[[0, 101, 251], [255, 2, 128]]] and one.dtype == np.uint8
    assert ten.tolist() == [[[0, 110, 255], [255, 0, 128]]]


def test_random_signs_are_those_of_an_image_and_a_seed() -> None:
    one = random_signs((8, 8, 3), image=5, seed=0)
    assert np.array_equal(one, random_signs((8, 8, 3), image=5, seed=0))
    assert set(np.unique(one)) == {-1, 1} and abs(one.mean()) < 0.3
    for image, seed in ((5, 1), (6, 0), (0, 5)):
        assert not np.array_equal(one, random_signs((8, 8, 3), image=image, seed=seed))


def test_spreads_are_the_standard_deviations_of_maxima() -> None:
    values = np.maximum(0, np.random.default_rng(0).normal(size=(500, 3)) * (1, 30, 0.01))
    counts = levels.count(levels.level_of(values.astype(np.float32)))
    assert np.allclose(spreads(counts), values.std(0), rtol=0.05)
    never = np.zeros((1, levels.LEVELS), np.int32)
    never[0, 0] = 7
    assert spreads(never).tolist() == [0] and spreads(never * 0).tolist() == [0]
    assert changes(np.array([1.0]), np.array([4.0]), np.array([0.0])).tolist() == [0]
    assert changes(np.array([1.0]), np.array([4.0]), np.array([2.0])).tolist() == [1.5]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fooling")
    experimented(folder, STAGES)
    return folder / "atlas"


@pytest.fixture(scope="module")
def result(built: Path) -> Fooling:
    found = FOOLING.read(built).result
    assert found
    return found


def probabilities(picture: np.ndarray) -> np.ndarray:
    network = tiny()
    with torch.no_grad():
        return torch.softmax(network.module(network.inputs(picture[None])).double(), 1)[0].numpy()


def test_the_smallest_step_is_the_first_of_all_that_changes_the_class(result: Fooling) -> None:
    network, pictures = tiny(), Photographs().pixels
    assert any(one.smallest for one in result.subjects)
    for one in result.subjects:
        picture = pictures[one.subject.image].astype(int)
        given = int(probabilities(picture.astype(np.uint8)).argmax())
        signs = gradient_signs(network, picture.astype(np.uint8), network.scores, given)
        assert one.given == given
        least = after = None
        for place, step in enumerate(range(1, 33)):
            changed = np.clip(picture + step * signs, 0, 255).astype(np.uint8)
            said = probabilities(changed)
            assert one.gradient.given[place] == said.argmax()
            assert one.gradient.probability[place] == pytest.approx(said[given], rel=1e-4, abs=1e-7)
            if least is None and said.argmax() != given:
                least, after = step, int(said.argmax())
        assert (one.smallest, one.after) == (least, after)
        assert smallest(result.gradient_steps, one.gradient, one.given) == least
        for seed, walk in enumerate(one.random):
            signs = random_signs(picture.shape, image=one.subject.image, seed=seed)
            for step, probability in zip(result.random_steps, walk.probability, strict=True):
                changed = np.clip(picture + step * signs, 0, 255).astype(np.uint8)
                expected = probabilities(changed)[given]
                assert probability == pytest.approx(expected, rel=1e-4, abs=1e-7)


def middle(value: float) -> float:
    """The middle of a value's level of activation, found by going through all of them."""
    bounds = [levels.lower_bound(level) for level in range(1, levels.LEVELS + 1)]
    return next(((a + b) / 2 for a, b in pairwise(bounds) if a <= value < b), 0.0)


def test_units_change_by_their_maxima_in_their_own_spreads(built: Path, result: Fooling) -> None:
    network, pictures = tiny(), Photographs().pixels
    usable = IMAGES.read(built).usable
    parts = list(network.module)  # type: ignore[call-overload]

    def maxima(some: np.ndarray, depth: int) -> np.ndarray:
        with torch.no_grad():
            value = network.inputs(some)
            for part in parts[: 2 * depth]:
                value = part(value)
        return value.amax((2, 3)).numpy()

    for one in result.subjects:
        if one.smallest is None:
            assert one.changed == ()
            continue
        picture = pictures[one.subject.image]
        signs = gradient_signs(network, picture, network.scores, one.given)
        (fooled,) = stepped(picture, signs, [one.smallest])
        for depth, layer in enumerate(one.changed[:2], start=1):
            spread = np.vectorize(middle)(maxima(pictures[usable], depth)).std(0)
            before, after = maxima(np.stack([picture, fooled]), depth)
            change = np.where(spread > 0, (after - before) / np.maximum(spread, 1e-9), 0)
            assert layer.fooled == pytest.approx(np.abs(change).mean(), rel=1e-3)
            for unit in layer.units:
                assert unit.before == pytest.approx(before[unit.unit], rel=1e-4, abs=1e-6)
                assert unit.after == pytest.approx(after[unit.unit], rel=1e-4, abs=1e-6)
                assert unit.change == pytest.approx(change[unit.unit], rel=1e-3)
            sizes = [abs(unit.change) for unit in layer.units]
            assert sizes == sorted(sizes, reverse=True)
            assert sizes[0] == pytest.approx(np.abs(change).max(), rel=1e-3)


def test_the_pictures_are_the_ones_that_fool(built: Path, result: Fooling) -> None:
    for one in result.subjects:

        def drawn(kind: str, image: int = one.subject.image) -> np.ndarray:
            file = built / "experiments" / "fooling" / f"{image}-{kind}.webp"
            return np.asarray(Image.open(file).convert("RGB"))

        assert np.array_equal(drawn("image"), Photographs().pixels[one.subject.image])
        said = probabilities(drawn("fooled"))
        if one.smallest:
            assert said.argmax() == one.after
        step = one.smallest or 32
        apart = drawn("fooled").astype(int) - drawn("image")
        assert np.abs(apart).max() <= step
        assert np.array_equal(drawn("difference"), np.clip(128 + one.factor * apart, 0, 255))


def test_without_scores_there_is_a_reason(tmp_path: Path) -> None:
    experimented(tmp_path, STAGES, network=tiny(scores=False))
    outcome = FOOLING.read(tmp_path / "atlas")
    assert outcome.result is None and "no scores" in outcome.reason
    assert not any("webp" in name and "fooling" in name for name in contents(tmp_path / "atlas"))
