"""Moved, enlarged and turned images, against loops over pixels and the plain network."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from atlas.compute.stages import scan
from atlas.compute.stages.experiments import invariance as stage
from atlas.data.experiments.invariance import INVARIANCE, ROTATION, SCALE, TRANSLATION, Invariance
from atlas.experiments.features import first_and_last
from atlas.experiments.invariance import Move, moved, moves, symmetry
from tests.support.experiments import SIDE, Photographs, experimented, tiny

STAGES = (scan.STAGE, stage.STAGE)


def by_loops(picture: np.ndarray, move: Move) -> np.ndarray:
    """Each pixel by itself, from where it comes, between the four around it."""
    height, width, channels = picture.shape
    turn = math.radians(move.turn)

    def mirrored(at: int, extent: int) -> int:
        while not 0 <= at < extent:
            at = -1 - at if at < 0 else 2 * extent - 1 - at
        return at

    result = np.zeros_like(picture)
    for row in range(height):
        for column in range(width):
            up, right = (height - 1) / 2 - row, column - (width - 1) / 2
            # back: turned clockwise, made smaller, moved up
            x = (right * math.cos(turn) + up * math.sin(turn)) / move.factor
            y = (-right * math.sin(turn) + up * math.cos(turn)) / move.factor + move.down
            from_row, from_column = (height - 1) / 2 - y, x + (width - 1) / 2
            top, left = math.floor(from_row), math.floor(from_column)
            for channel in range(channels):
                value = sum(
                    (1 - abs(from_row - r)) * (1 - abs(from_column - c))
                    * float(picture[mirrored(r, height), mirrored(c, width), channel])
                    for r in (top, top + 1) for c in (left, left + 1)
                )  # fmt: skip
                result[row, column, channel] = round(value)
    return result


@pytest.mark.parametrize(
    "move",
    [Move(down=3), Move(down=-2), Move(factor=1.35), Move(turn=30), Move(turn=-100),
     Move(down=2, factor=1.2, turn=75)],
)  # fmt: skip
def test_pictures_move_as_loops_over_pixels_say(move: Move) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (11, 14, 3), np.uint8)
    (found,) = moved(picture[None], [move])
    assert np.abs(found.astype(int) - by_loops(picture, move)).max() <= 1  # at halves
    assert (found == by_loops(picture, move)).mean() > 0.99


def test_whole_pixels_quarter_turns_and_nothing_change_no_value() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (12, 12, 3), np.uint8)
    still, turned, down, round_ = moved(
        picture[None].repeat(4, 0), [Move(), Move(turn=90), Move(down=5), Move(turn=360)]
    )
    assert np.array_equal(still, picture) and np.array_equal(round_, picture)
    assert np.array_equal(turned, np.rot90(picture))  # anticlockwise
    assert np.array_equal(down[5:], picture[:-5])
    assert np.array_equal(down[:5], picture[4::-1])  # what comes in is mirrored


def test_ranges_are_the_papers_at_its_side() -> None:
    down = moves(TRANSLATION, 224)
    assert min(down) == -60 and max(down) == 60 and list(down) == list(range(-60, 61, 5))
    assert all(isinstance(amount, int) for amount in down)
    assert list(moves(TRANSLATION, 8)) == [-2, -1, 0, 1, 2]
    factors, turns = moves(SCALE, 224), moves(ROTATION, 224)
    assert min(factors) == 1 and max(factors) == 1.8 and len(factors) == 17
    assert list(turns) == list(range(0, 361, 10))


def test_what_is_round_stays_as_it_is_when_turned() -> None:
    r, c = np.indices((32, 32)) - 15.5
    rings = 127 + 100 * np.cos(np.hypot(r, c))
    ramp = 127 + 6 * c
    flat = np.full((32, 32), 9.0)
    pictures = np.stack([rings, ramp, flat])[..., None].astype(np.uint8)
    found = symmetry(pictures)
    assert found[0] > 0.9 and found[2] == 0
    # a ramp turned by 45, 90, … correlates like the cosine of the angle, whose mean is -1/7
    assert found[1] == pytest.approx(-1 / 7, abs=0.02)


def test_the_last_features_are_what_the_scores_read() -> None:
    network = tiny()
    first, last = first_and_last(network) or pytest.fail("none")
    assert (first.layer, first.read, first.numbers(network)) == ("conv1", False, 4 * 7 * 7)
    assert (last.layer, last.read, last.numbers(network)) == ("conv2", True, 6)
    bare = tiny(scores=False)
    _, last = first_and_last(bare) or pytest.fail("none")
    assert (last.layer, last.read, last.numbers(bare)) == ("conv2", False, 6 * 5 * 5)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Invariance:
    folder = tmp_path_factory.mktemp("invariance")
    experimented(folder, STAGES)
    found = INVARIANCE.read(folder / "atlas").result
    assert found
    for subject in found.subjects:
        assert (folder / "atlas" / "experiments" / "invariance" / f"{subject.image}.webp").is_file()
    return found


def vectors(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First features, last features and probabilities, by the plain model."""
    network = tiny()
    mean, std = network.preprocessing.mean, network.preprocessing.std
    value = torch.tensor((picture / 255 - np.array(mean)) / np.array(std)).permute(2, 0, 1)[None]
    parts = list(copy.deepcopy(network.module).double())  # type: ignore[call-overload]
    with torch.no_grad():
        first = parts[1](parts[0](value))
        last = parts[5](parts[4](parts[3](parts[2](first))))
        return first.numpy(), last.numpy(), torch.softmax(parts[6](last), 1)[0].numpy()


def test_distances_and_probabilities_are_those_of_the_plain_network(result: Invariance) -> None:
    pictures = Photographs().pixels
    assert result.side == (SIDE, SIDE) and len(result.subjects) == 3
    for at, subject in enumerate(result.subjects):
        start = vectors(pictures[subject.image])
        own = result.untransformed[at]
        assert own.given == start[2].argmax() and own.followed == subject.truth
        assert own.probability == pytest.approx(start[2][subject.truth], rel=1e-4)
        for one in result.transformations:
            by_amount = moves(one.name, SIDE)
            curve = one.curves[at]
            assert one.amounts == tuple(by_amount)
            for place in range(0, len(one.amounts), 3):
                picture = moved(pictures[subject.image][None], [by_amount[one.amounts[place]]])[0]
                there = vectors(picture)
                for layer, name in enumerate(("first", "last")):
                    pairs = zip(there[layer].flat, start[layer].flat, strict=True)
                    expected = math.sqrt(sum((v - w) ** 2 for v, w in pairs))
                    found = getattr(curve, name)[place]
                    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)
                assert curve.given[place] == there[2].argmax()
                assert curve.probability[place] == pytest.approx(
                    there[2][subject.truth], rel=1e-3, abs=1e-5
                )


def test_distances_are_measured_by_those_from_other_images(result: Invariance) -> None:
    pictures = Photographs().pixels
    every = [vectors(picture) for picture in pictures]
    for layer, features in enumerate((result.first, result.last)):
        apart = [
            np.linalg.norm(every[subject.image][layer] - every[other][layer])
            for subject in result.subjects
            for other in range(len(pictures))
            if other != subject.image
        ]
        assert features.another == pytest.approx(np.mean(apart), rel=1e-4)
    assert result.others == len(pictures)


def test_without_scores_there_are_distances_alone(tmp_path: Path) -> None:
    experimented(tmp_path, STAGES, network=tiny(scores=False))
    found = INVARIANCE.read(tmp_path / "atlas").result
    assert found and found.untransformed[0].given is None and found.classes == {}
    assert all(not c.given and not c.probability and max(c.last) > 0
               for one in found.transformations for c in one.curves)  # fmt: skip
