"""The grey square, against loops over places and pixels with the plain modules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atlas.compute.stages.experiments import occlusion as stage
from atlas.data.experiments.occlusion import OCCLUSION, Occlusion, Square
from atlas.demo.world import ATLAS_SEED, draw
from atlas.experiments import occlusion
from atlas.images.sources import DemoImages
from atlas.reconstruction.deconvnet import reconstruct
from tests.support.tiny_classifier import SEES, outcome, tiny, values


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Occlusion:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(occlusion, "PLACES", 7)
        patch.setattr(stage, "TOGETHER", 1)  # several pieces of work for each image
        folder = outcome(tiny(), stage.STAGE, tmp_path_factory.mktemp("occlusion"))
    found = OCCLUSION.read(folder).result
    assert found is not None
    return found


def hidden(pixels: np.ndarray, middle: tuple[int, int], side: int) -> np.ndarray:
    """A picture with a grey square around a pixel, pixel by pixel."""
    changed = pixels.copy()
    for row in range(pixels.shape[0]):
        for column in range(pixels.shape[1]):
            down, right = row - middle[0] + side // 2, column - middle[1] + side // 2
            if 0 <= down < side and 0 <= right < side:
                changed[row, column] = [102, 128, 153]  # 255 times the mean
    return changed


def stimulus(image: int) -> np.ndarray:
    return SEES.stimulus(DemoImages(48)[image])


def test_places_fill_the_frame(result: Occlusion) -> None:
    square = result.square
    assert (square.side, square.stride, square.frame) == (4, 4, (24, 20))
    assert square.places == (6, 5) and square.colour == (102, 128, 153)
    assert [square.centre(row, 0)[0] for row in range(6)] == [2, 6, 10, 14, 18, 22]
    uneven = Square(5, 4, (9, 9), (0,))
    assert uneven.places == (3, 3) and uneven.centre(2, 2) == (8, 8)
    assert uneven.box(2, 0) == (6, 0, 9, 5)  # cut at the border


def test_every_place_is_as_the_modules_compute_it(result: Occlusion) -> None:
    network = tiny()
    assert result.layer == "two" and len(result.images) == 3
    for one in result.images:
        pixels = stimulus(one.subject.image)
        plain = values(network, pixels)
        assert one.unit == plain["relu2"].max((1, 2)).argmax()
        assert one.activation == pytest.approx(plain["relu2"][one.unit][one.position], rel=1e-3)
        assert one.whole == pytest.approx(plain["relu2"][one.unit].sum(), rel=1e-3)
        assert one.scored is not None and one.subject.truth == one.scored.watched
        rows, columns = result.square.places
        for row in range(rows):
            for column in range(columns):
                middle = 4 * row + 2, 4 * column + 2
                there = values(network, hidden(pixels, middle, 4))
                scores = np.exp(there["scores"] - there["scores"].max())
                chances = scores / scores.sum()
                assert one.map[row][column] == pytest.approx(
                    there["relu2"][one.unit].sum(), rel=1e-3
                )
                assert one.scored.map[row][column] == pytest.approx(
                    chances[one.scored.watched], rel=1e-3
                )
                assert one.scored.best[row][column] == chances.argmax()


def test_squares_change_something(result: Occlusion) -> None:
    """Or the comparison above would prove nothing."""
    for one in result.images:
        assert len({value for row in one.map for value in row}) > 10


def test_classes_are_named_that_the_images_speak_of(result: Occlusion) -> None:
    for one in result.images:
        assert one.scored is not None
        assert result.classes[one.scored.watched] == one.subject.label
        assert {each for row in one.scored.best for each in row} <= result.classes.keys()


def test_the_object_is_where_its_class_is_drawn(result: Occlusion) -> None:
    named = 0
    for one in result.images:
        assert one.inside is not None
        masks = draw(ATLAS_SEED, one.subject.image, masks=True).masks
        if one.subject.label not in masks:
            assert one.object == "all that is annotated"
            continue
        named += 1
        assert one.object == one.subject.label
        for row, marks in enumerate(one.inside):
            for column, inside in enumerate(marks):
                # the middle 20 of 24 columns, and 128 pixels for 24
                down, right = 4 * row + 2, 4 * column + 2 + 2
                cell = masks[one.object][
                    round(down * 128 / 24) : round((down + 1) * 128 / 24),
                    round(right * 128 / 24) : round((right + 1) * 128 / 24),
                ]
                if cell.all() or not cell.any():  # at an edge resizing decides
                    grown = masks[one.object][
                        max(0, round((down - 1) * 128 / 24)) : round((down + 2) * 128 / 24),
                        round((right - 1) * 128 / 24) : round((right + 2) * 128 / 24),
                    ]
                    if grown.all() or not grown.any():
                        assert inside == grown.all()
    assert named >= 2


def test_covered_is_the_reconstructions_energy_under_the_square(result: Occlusion) -> None:
    network = tiny()
    for one in result.images:
        found = reconstruct(
            network, stimulus(one.subject.image), result.layer, one.unit, one.position
        ).numpy()
        for row, shares in enumerate(one.covered):
            for column, share in enumerate(shares):
                total = part = 0.0
                inside = hidden(np.zeros((24, 20, 3), np.uint8), (4 * row + 2, 4 * column + 2), 4)
                for (_, down, right), value in np.ndenumerate(found):
                    total += float(value) ** 2
                    part += float(value) ** 2 * (inside[down, right, 0] > 0)
                assert share == pytest.approx(part / total, rel=1e-3, abs=1e-9)


def test_without_scores_the_map_alone_is_watched(tmp_path: Path) -> None:
    folder = outcome(tiny(scores=False), stage.STAGE, tmp_path, masks=False, subjects=("dog/*",))
    found = OCCLUSION.read(folder).result
    assert found is not None and found.classes == {}
    assert [one.subject.label for one in found.images] == ["dog", "dog"]
    assert all(one.scored is None and one.inside is None for one in found.images)
    pictures = sorted(path.name for path in (folder / "experiments" / "occlusion").iterdir())
    assert len(pictures) == 4


def test_no_pixel_of_an_image_is_kept_where_it_may_not_be_shown(tmp_path: Path) -> None:
    folder = outcome(tiny(), stage.STAGE, tmp_path, images_policy="pointers")
    pictures = [path.name for path in (folder / "experiments" / "occlusion").iterdir()]
    assert len(pictures) == 3 and all(name.endswith("-map.webp") for name in pictures)
