"""The images that an experiment looks at closely, and what the network's scores stand for."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from atlas.data.experiments.outcomes import Subject
from atlas.errors import UsageError
from atlas.experiments.passes import values_of
from atlas.images.sources import Images, label_of, name_of
from atlas.images.stimuli import StimulusCache, stimuli
from atlas.networks.network import Network
from atlas.networks.operations import Node

T = TypeVar("T")

COUNT = 5  # images, as in the paper's figure 5
TRIED = 8  # images of a class among which one is sought that the network gets right


@dataclass(frozen=True)
class Classes:
    """What a network scores: the node of its scores ``[N, K]``, and the names of the K classes.

    Without a known class for each score the names are numbers, and ``known`` is false.
    """

    node: Node
    names: tuple[str, ...]
    known: bool

    def truth(self, label: str | None) -> int | None:
        """The place of an image's class among the scores; None if it has none that is known."""
        return self.names.index(label) if self.known and label in self.names else None

    def probabilities(self, scores: Tensor) -> Tensor:
        """The softmax of scores ``[N, K]``, in float64."""
        return torch.softmax(scores.double(), 1)


def classes_of(network: Network, images: Images) -> Classes | None:
    """What a network scores; None where it returns no scores.

    Where the weights don't say which classes they are, and the images have as many classes as the
    network has scores, they are taken in alphabetical order, as training on folders does.
    """
    node = network.scores
    if node is None:
        return None
    count = network.graph.shapes[node][0]
    if len(network.classes) == count:
        return Classes(node, network.classes, True)
    labels = sorted({label for i in range(len(images)) if (label := label_of(images, i))})
    if len(labels) == count:
        return Classes(node, tuple(labels), True)
    return Classes(node, tuple(map(str, range(count))), False)


def choose_subjects(
    network: Network,
    images: Images,
    *,
    usable: Sequence[int],
    globs: Sequence[str] = (),
    slots: int,
    count: int = COUNT,
    cache: StimulusCache | None = None,
) -> tuple[Subject, ...]:
    """The images to look at, in order: those whose names match a glob, or ``count`` without any.

    These are of different classes, evenly spread over all: of each the first image that the network
    gets right, among its first few, or its first. ``usable`` are the indices of images that repeat
    none before them and can be read; stimuli are taken from ``cache`` where it holds them. Raises
    ``UsageError`` where no image matches.
    """
    classes = classes_of(network, images)
    if globs:
        chosen = [
            index
            for index in usable
            if any(fnmatch.fnmatch(name_of(images, index), glob) for glob in globs)
        ]
        if not chosen:
            raise UsageError(f"--subjects {','.join(globs)}: no image has such a name")
    else:
        by_class: dict[str | None, list[int]] = {}
        for index in usable:
            by_class.setdefault(label_of(images, index), []).append(index)
        if len(by_class) > 1:
            some = [by_class[label] for label in sorted(by_class, key=str)]
            chosen = [
                _right(network, images, classes, own[:TRIED], slots=slots, cache=cache)
                for own in spread(some, count)
            ]
        else:
            chosen = spread(usable, count)
    return tuple(
        Subject(
            index,
            name_of(images, index),
            label_of(images, index),
            classes.truth(label_of(images, index)) if classes else None,
        )
        for index in chosen
    )


def spread(items: Sequence[T], count: int) -> list[T]:
    """``count`` of some items, evenly spread; all where there are fewer."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def _right(
    network: Network,
    images: Images,
    classes: Classes | None,
    some: Sequence[int],
    *,
    slots: int,
    cache: StimulusCache | None,
) -> int:
    """The first of some images of one class that the network gets right; the first of all."""
    truth = classes.truth(label_of(images, some[0])) if classes else None
    if classes is None or truth is None:
        return some[0]
    pixels = pixels_of(network, images, some, cache=cache)
    scores = np.concatenate(
        [values[classes.node].numpy(force=True)
         for values in values_of(network, pixels, [classes.node], slots=slots)]
    )  # fmt: skip
    right = np.flatnonzero(scores.argmax(1) == truth)
    return some[int(right[0])] if len(right) else some[0]


def pixels_of(
    network: Network,
    images: Images,
    indices: Sequence[int],
    *,
    cache: StimulusCache | None = None,
) -> np.ndarray:
    """The stimuli of some images: ``[N, H, W, C]`` uint8, in the network's input frame.

    Those that ``cache`` holds aren't decoded again.
    """
    source = stimuli(images, network.preprocessing, indices, cache=cache, again=cache is not None)
    return np.stack([stimulus.pixels for stimulus in source])
