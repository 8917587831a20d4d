"""Hidden parts, against loops over images, pixels and entries with the plain modules."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from atlas.compute.stages.experiments import correspondence as stage
from atlas.data.experiments.correspondence import CORRESPONDENCE, Correspondence, View
from atlas.experiments import correspondence
from atlas.experiments.hiding import in_frame
from atlas.images.masks import DemoMasks
from atlas.images.sources import DemoImages
from atlas.site.render.experiments.correspondence import mean_and_error
from tests.support.networks import doubled
from tests.support.tiny_classifier import SEES, outcome, tiny, values

COUNT = 96  # four of each class
MODULES = {"one": "relu1", "two": "relu2", "scores": "scores"}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Correspondence:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "LEAST", 3)
        folder = tmp_path_factory.mktemp("correspondence")
        # in float64, or rounding could turn the sign of a change that is almost none
        network = doubled(tiny())
        outcome(network, stage.STAGE, folder, count=COUNT, subjects=("dog/*", "cat/*"))
    found = CORRESPONDENCE.read(folder / "atlas").result
    assert found is not None
    return found


def distance(one: np.ndarray, other: np.ndarray) -> float:
    apart = 0
    for a, b in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True):
        apart += ((a > 0) - (a < 0)) != ((b > 0) - (b < 0))
    return apart / one.size


def test_every_distance_is_as_the_modules_compute_it(result: Correspondence) -> None:
    network, images = doubled(tiny()), DemoImages(COUNT)
    assert {part.label for part in result.parts} <= {"dog", "cat"} and len(result.parts) >= 2
    assert [(view.layer, view.added) for view in result.views] == [
        ("one", False), ("two", False), ("scores", False), ("one", True), ("two", True),
    ]  # fmt: skip
    for part in result.parts:
        assert len(part.images) >= 3
        stimuli = [SEES.stimulus(images[image]) for image in part.images]
        regions = []
        for image in part.images:
            mask = in_frame(DemoMasks(images).of(image)[part.concept], SEES)
            region = np.zeros_like(mask)
            for row, column in np.argwhere(mask):  # one pixel to each side
                region[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = True
            regions.append(region)
        assert part.hidden == pytest.approx(np.mean([one.mean() for one in regions]), rel=1e-4)
        moved = [
            correspondence.elsewhere(region, draws=result.draws, seed=image)
            for image, region in zip(part.images, regions, strict=True)
        ]
        cuts = [regions, *([some[draw] for some in moved] for draw in range(result.draws))]
        for number, view in enumerate(result.views):
            means = []
            for cut in cuts:
                changes = []
                for pixels, region in zip(stimuli, cut, strict=True):
                    changed = pixels.copy()
                    for row, column in np.argwhere(region):
                        changed[row, column] = [102, 128, 153]
                    before = values(network, pixels)[MODULES[view.layer]]
                    after = values(network, changed)[MODULES[view.layer]]
                    if view.added:
                        before, after = before.sum((1, 2)), after.sum((1, 2))
                    changes.append(before - after)
                means.append(
                    [
                        np.mean([distance(one, other) for other in changes if other is not one])
                        for one in changes
                    ]
                )
            found = part.distances[number]
            assert found.part == pytest.approx(means[0], abs=2e-5)
            assert found.random == pytest.approx(np.mean(means[1:], 0), abs=2e-5)


def test_parts_are_hidden_that_fit_elsewhere(result: Correspondence) -> None:
    """An eye is small and so can lie elsewhere; the dog itself can't."""
    named = {(part.concept, part.label) for part in result.parts}
    assert ("eye", "dog") in named and ("dog", "dog") not in named


def test_there_is_a_strip_for_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "LEAST", 2)
    there = tmp_path / "atlas" / "experiments" / "correspondence"
    for policy in ("show", "pointers"):
        settings = {"subjects": ("dog/*",), "images_policy": policy}
        folder = outcome(tiny(), stage.STAGE, tmp_path, count=48, **settings)
        found = CORRESPONDENCE.read(folder).result
        assert found is not None
        names = sorted(part.picture for part in found.parts if part.picture)
        assert names == sorted(path.name for path in there.glob("*"))
        assert len(names) == (len(found.parts) if policy == "show" else 0)


def test_without_masks_or_parts_the_reason_is_told(tmp_path: Path) -> None:
    for masks, reason in ((False, "no masks"), (True, "no part is in 80%")):
        folder = outcome(tiny(), stage.STAGE, tmp_path / str(masks), count=24, masks=masks)
        told = CORRESPONDENCE.read(folder)
        assert told.result is None and reason in told.reason


def test_a_shape_is_moved_to_where_it_fits() -> None:
    region = np.zeros((9, 11), bool)
    region[3:5, 4:6] = [[True, False], [True, True]]
    found = correspondence.elsewhere(region, draws=400, seed=5)
    places = set()
    for moved in found:
        rows, columns = np.flatnonzero(moved.any(1)), np.flatnonzero(moved.any(0))
        top, left = rows[0], columns[0]
        assert (moved[top : top + 2, left : left + 2] == region[3:5, 4:6]).all()
        assert moved.sum() == 3
        places.add((int(top), int(left)))
    apart = {
        (top, left)
        for top in range(8)
        for left in range(10)
        if top + 2 <= 3 or top >= 5 or left + 2 <= 4 or left >= 6
    }
    assert places <= apart and len(places) > 0.9 * len(apart)
    again = correspondence.elsewhere(region, draws=400, seed=5)
    assert (np.array(again) == np.array(found)).all()
    large = np.zeros((9, 11), bool)
    large[2:7, 3:9] = True
    assert correspondence.elsewhere(large, draws=2, seed=5) == []
    assert correspondence.elsewhere(np.zeros((3, 3), bool), draws=2, seed=5) == []


def test_errors_are_those_of_leaving_out_one_image_after_another() -> None:
    dice = np.random.default_rng(1)
    changes = dice.integers(-1, 2, (7, 40)).astype(np.int8)
    apart = {
        pair: np.mean(changes[pair[0]] != changes[pair[1]])
        for pair in itertools.combinations(range(7), 2)
    }
    without = [
        np.mean([value for pair, value in apart.items() if left not in pair]) for left in range(7)
    ]
    mean, error = mean_and_error(correspondence.mean_distances(changes).tolist())
    assert mean == pytest.approx(np.mean(list(apart.values())))
    assert error == pytest.approx(math.sqrt(6 * np.var(without)))


def test_layers_are_the_first_the_middle_the_last_and_those_after() -> None:
    network = tiny()
    layers = list(network.layers.values())
    assert correspondence.views_for(layers[:1]) == (View("one", False), View("one", True))
    assert correspondence.views_for(layers[2:]) == (View("scores", False),)
    assert [view.layer for view in correspondence.views_for(layers)] == [
        "one", "two", "scores", "one", "two",
    ]  # fmt: skip
