"""Planted units: what independent ones reach by chance, and what goes together beyond that."""

import numpy as np

from atlas.data.levels import LEVELS, count
from atlas.scanning.independent import reached
from atlas.scanning.sketching import alike, directions, signs_of, sketch


def levels_of(images: int, units: int, seed: int) -> np.ndarray:
    """Independent units, of which some fire for nearly all images and some for very few."""
    dice = np.random.default_rng(seed)
    level = dice.normal(150, 25, (images, units)).clip(1, LEVELS - 1)
    often = np.geomspace(0.01, 1, units)
    fires: np.ndarray = dice.random((images, units)) < often
    return np.where(fires, level, 0).astype(int)


def directions_of(level: np.ndarray) -> np.ndarray:
    signs = signs_of(np.arange(len(level)))
    return directions(sketch(level, signs), signs.sum(0), count(level))


def shown(level: np.ndarray) -> dict[int, list[tuple[int, float]]]:
    """The others that each unit of one layer goes with by more than chance."""
    units = {"one": range(level.shape[1])}
    beyond = reached({"one": count(level)})["one"]
    found = alike({"one": directions_of(level)}, units)
    return {unit: [(other, r) for _, other, r in some if r > beyond]
            for (_, unit), some in found.items()}  # fmt: skip


def test_of_units_that_have_nothing_in_common_about_one_in_twenty_goes_with_any_other() -> None:
    worlds = [shown(levels_of(700, 80, seed)) for seed in range(6)]
    shares = [np.mean([bool(some) for some in world.values()]) for world in worlds]
    assert 0.02 < np.mean(shares) < 0.09, shares


def test_units_that_go_together_stand_out_among_those_that_dont() -> None:
    level = levels_of(700, 80, 3)
    level[:, 70] = np.where(level[:, 60] > 0, level[:, 60] + 3, 0).clip(0, LEVELS - 1)
    found = shown(level)
    assert found[70][0][0] == 60 and found[60][0][0] == 70


def test_fewer_images_and_more_units_reach_more_by_chance() -> None:
    def bound(images: int, units: int) -> float:
        return reached({"one": count(levels_of(images, units, 1))})["one"]

    assert bound(60, 40) > bound(700, 40) > 3 / 16  # of the sketches' own error
    assert bound(700, 160) > bound(700, 10)


def test_units_that_never_vary_go_with_nobody() -> None:
    assert reached({"one": count(np.full((30, 4), 7)), "two": count(levels_of(30, 4, 0))})[
        "one"
    ] == 1.0  # fmt: skip
