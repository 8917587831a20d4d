from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from atlas.errors import UsageError
from atlas.experiments import subjects
from atlas.experiments.subjects import choose_subjects, classes_of, pixels_of
from tests.support.experiments import LABELS, Photographs, tiny

IMAGES = Photographs()
EVERY = list(range(len(IMAGES)))


def right() -> dict[str, list[int]]:
    """The images that the network gets right, by class."""
    network = tiny()
    with torch.no_grad():
        said = network.module(network.inputs(IMAGES.pixels)).argmax(1).tolist()
    return {label: [i for i in EVERY if IMAGES.label(i) == label and LABELS[said[i]] == label]
            for label in LABELS}  # fmt: skip


def test_scores_stand_for_the_classes_of_the_weights_or_of_the_folders() -> None:
    network = tiny()
    of_folders = classes_of(network, IMAGES)
    assert of_folders and of_folders.names == LABELS and of_folders.known
    assert [of_folders.truth(label) for label in (*LABELS, "dog", None)] == [0, 1, 2, None, None]
    said = classes_of(replace(network, classes=("x", "y", "z")), IMAGES)
    assert said and said.names == ("x", "y", "z") and said.truth("ant") is None
    # two of the three classes: nobody knows which scores are theirs
    fewer = classes_of(network, Photographs(2))
    assert fewer and fewer.names == ("0", "1", "2") and not fewer.known
    assert fewer.truth("ant") is None
    assert classes_of(tiny(scores=False), IMAGES) is None
    scores = torch.tensor([[0.0, 1.0, 3.0]])
    total = sum(np.exp(v) for v in (0, 1, 3))
    assert np.allclose(of_folders.probabilities(scores)[0], [np.exp(v) / total for v in (0, 1, 3)])


def test_each_class_gives_the_first_image_that_the_network_gets_right() -> None:
    chosen = choose_subjects(tiny(), IMAGES, usable=EVERY, slots=4)
    own = right()
    assert any(own.values())  # or nothing is tested
    assert [one.image for one in chosen] == [
        own[label][0] if own[label] else LABELS.index(label) for label in LABELS
    ]
    assert [one.label for one in chosen] == list(LABELS) and [one.truth for one in chosen] == [
        0,
        1,
        2,
    ]
    assert [one.name for one in chosen] == [f"{one.label}/{one.image}.png" for one in chosen]


def test_images_that_are_not_usable_are_not_chosen() -> None:
    taken = {one.image for one in choose_subjects(tiny(), IMAGES, usable=EVERY, slots=4)}
    left = [index for index in EVERY if index not in taken]
    assert not taken & {one.image for one in choose_subjects(tiny(), IMAGES, usable=left, slots=4)}


def test_classes_are_spread_evenly_and_images_where_there_is_one_class() -> None:
    chosen = choose_subjects(tiny(), IMAGES, usable=EVERY, slots=4, count=2)
    assert [one.label for one in chosen] == ["ant", "bee"]
    ants = [index for index in EVERY if IMAGES.label(index) == "ant"]
    chosen = choose_subjects(tiny(), IMAGES, usable=ants, slots=4, count=2)
    assert [one.image for one in chosen] == [ants[0], ants[2]]
    assert len(choose_subjects(tiny(), IMAGES, usable=ants, slots=4, count=9)) == len(ants)


def test_without_scores_the_first_of_each_class_is_taken() -> None:
    chosen = choose_subjects(tiny(scores=False), IMAGES, usable=EVERY, slots=4)
    assert [one.image for one in chosen] == [0, 1, 2] and {one.truth for one in chosen} == {None}


def test_globs_choose_by_name_in_the_order_of_the_images() -> None:
    chosen = choose_subjects(
        tiny(), IMAGES, usable=EVERY, globs=("cow/1*", "ant/[03].png"), slots=4
    )
    assert [one.name for one in chosen] == ["ant/0.png", "ant/3.png", "cow/11.png"]
    with pytest.raises(UsageError, match=r"--subjects dog/\*: no image has such a name"):
        choose_subjects(tiny(), IMAGES, usable=EVERY, globs=("dog/*",), slots=4)


def test_pixels_are_the_stimuli() -> None:
    assert np.array_equal(pixels_of(tiny(), IMAGES, [3, 1]), IMAGES.pixels[[3, 1]])
    assert subjects.COUNT == 5
