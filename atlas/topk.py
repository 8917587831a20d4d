"""The nine strongest images of every unit, kept in bounded memory and merged in any order.

A ``TopNine`` is the central record of a layer; everything after the scan reads it. ``merge`` is
associative and commutative, so any split of the images over batches, workers or machines gives
the same nine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

NINE = 9
EMPTY = np.iinfo(np.int64).max  # the image of a place that nothing fills


@dataclass(frozen=True)
class TopNine:
    """For each of U units its strongest images, strongest first, and how many images fired it.

    ``value`` is ``[U, 9]`` float32, the activation (0 where nothing fills the place);
    ``image`` ``[U, 9]`` int64, the image's index (``EMPTY`` where nothing does);
    ``position`` ``[U, 9, 2]`` int32, the (row, column) of the activation in the feature map;
    ``fired`` ``[U]`` int64, the number of images with an activation above 0;
    ``images`` the number of images seen.
    """

    value: np.ndarray
    image: np.ndarray
    position: np.ndarray
    fired: np.ndarray
    images: int

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.fired)

    def count(self, unit: int) -> int:
        """How many of the nine places of a unit are filled."""
        return int((self.image[unit] != EMPTY).sum())

    def only(self, units: list[int]) -> TopNine:
        """The same with the places of all other units empty."""
        image = np.full_like(self.image, EMPTY)
        image[units] = self.image[units]
        return replace(self, image=image)


def empty(units: int) -> TopNine:
    """What is known before any image was seen."""
    return TopNine(
        np.zeros((units, NINE), np.float32),
        np.full((units, NINE), EMPTY, np.int64),
        np.zeros((units, NINE, 2), np.int32),
        np.zeros(units, np.int64),
        0,
    )


def of_batch(value: np.ndarray, position: np.ndarray, image: np.ndarray) -> TopNine:
    """The record of one batch of N images.

    ``value`` ``[N, U]`` holds each image's maximum over positions, ``position`` ``[N, U, 2]``
    where it stands, ``image`` ``[N]`` the images' indices, all different.
    """
    fires = value > 0
    value = np.where(fires, value, 0).astype(np.float32).T
    images = np.where(fires.T, image[None, :], EMPTY)
    return _best(value, images, position.transpose(1, 0, 2), fires.sum(0), len(image))


def merge(one: TopNine, other: TopNine) -> TopNine:
    """The record of both sets of images; the sets have no image in common."""
    return _best(
        np.concatenate([one.value, other.value], 1),
        np.concatenate([one.image, other.image], 1),
        np.concatenate([one.position, other.position], 1),
        one.fired + other.fired,
        one.images + other.images,
    )


def _best(
    value: np.ndarray, image: np.ndarray, position: np.ndarray, fired: np.ndarray, images: int
) -> TopNine:
    """Keep the nine largest values of each row; the lowest image index first among equals."""
    order = np.lexsort((image, -value), axis=1)[:, :NINE]
    short = NINE - order.shape[1]
    record = TopNine(
        np.take_along_axis(value, order, 1),
        np.take_along_axis(image, order, 1).astype(np.int64),
        np.take_along_axis(position, order[..., None], 1).astype(np.int32),
        fired.astype(np.int64),
        images,
    )
    if short <= 0:
        return record
    return TopNine(
        np.pad(record.value, ((0, 0), (0, short))),
        np.pad(record.image, ((0, 0), (0, short)), constant_values=EMPTY),
        np.pad(record.position, ((0, 0), (0, short), (0, 0))),
        record.fired,
        images,
    )
