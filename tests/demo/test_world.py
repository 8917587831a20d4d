import numpy as np
import pytest

from atlas.demo.scenes import CLASSES
from atlas.demo.world import SIDE, World, draw


def test_at_least_twenty_classes_come_round_in_turn():
    assert len(CLASSES) >= 20
    assert [draw(3, index).name for index in range(len(CLASSES))] == list(CLASSES)


@pytest.mark.parametrize("index", range(0, 48, 5))
def test_a_picture_is_a_function_of_seed_and_index(index):
    one, again, other = draw(3, index), draw(3, index), draw(4, index)
    assert one.pixels.shape == (SIDE, SIDE, 3) and one.pixels.dtype == np.uint8
    assert np.array_equal(one.pixels, again.pixels)
    assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("index", range(len(CLASSES)))
def test_masks_leave_the_picture_alone_and_mark_the_subject(index):
    plain, masked = draw(5, index), draw(5, index, masks=True)
    assert np.array_equal(plain.pixels, masked.pixels)
    assert not plain.masks and masked.masks
    for mask in masked.masks.values():
        assert mask.shape == (SIDE, SIDE) and mask.dtype == bool and mask.any()


def test_parts_lie_inside_the_thing_they_belong_to():
    bicycle = draw(5, CLASSES.index("bicycle"), masks=True).masks
    assert bicycle["wheel"].sum() > 0
    # A mask is thresholded after reduction, so allow for a rim of half-covered pixels.
    assert (bicycle["spoke"] & ~bicycle["wheel"]).mean() < 0.002
    assert (bicycle["wheel"] & ~bicycle["bicycle"]).mean() < 0.002


@pytest.mark.slow
def test_colour_alone_does_not_tell_the_class():
    """Nearest class mean on mean colour and its spread does little better than chance."""
    count = 20 * len(CLASSES)
    pixels = [draw(6, index).pixels.reshape(-1, 3) / 255 for index in range(count)]
    features = np.array([np.r_[p.mean(0), p.std(0)] for p in pixels])
    labels = np.arange(count) % len(CLASSES)
    half = count // 2
    means = np.stack([features[:half][labels[:half] == k].mean(0) for k in range(len(CLASSES))])
    guess = ((features[half:, None] - means) ** 2).sum(2).argmin(1)
    assert (guess == labels[half:]).mean() < 0.25


def test_the_world_is_an_indexable_of_pictures():
    world = World(30)
    assert len(world) == 30 and len(list(world)) == 30
    assert world[1].size == (SIDE, SIDE) and world.label(1) == CLASSES[1]
    with pytest.raises(IndexError):
        world[30]
