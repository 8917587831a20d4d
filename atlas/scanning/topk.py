"""The nine strongest images of every unit, kept in bounded memory and merged in any order.

A ``TopNine`` is the central record of a layer; everything after the scan reads it. ``merge`` is
associative and commutative, so any split of the images over batches, workers or machines gives
the same nine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from atlas.data import levels
from atlas.runtime.compiled import compiled
from atlas.scanning import sketching

NINE = 9
EMPTY = np.iinfo(np.int64).max  # the image of a place that nothing fills
NO_IMAGE = np.iinfo(np.int32).max  # that of a level that none has reached


@dataclass(frozen=True)
class TopNine:
    """For each of U units its strongest images, strongest first, and how many images fired it.

    ``value`` is ``[U, 9]`` float32, the activation (0 where nothing fills the place);
    ``image`` ``[U, 9]`` int64, the image's index (``EMPTY`` where nothing does);
    ``position`` ``[U, 9, 2]`` int32, the (row, column) of the activation in the feature map;
    ``fired`` ``[U]`` int64, the number of images with an activation above 0;
    ``counts`` ``[U, LEVELS]`` int32, how many images' maxima reached each level of activation;
    ``sample``, ``sample_value`` and ``sample_place`` ``[U, LEVELS]`` (int32, float32, int32), for
    each level above 0 the first of those images, its maximum, and where it stands, counted in
    row-major order; ``sketch`` ``[U, SIGNS]`` int32 and ``signs`` ``[SIGNS]`` int64, what tells
    which units go together (``sketching``); ``images`` the number of images seen. All from
    ``counts`` to ``signs`` have no columns in a record without statistics.
    """

    value: np.ndarray
    image: np.ndarray
    position: np.ndarray
    fired: np.ndarray
    counts: np.ndarray
    sample: np.ndarray
    sample_value: np.ndarray
    sample_place: np.ndarray
    sketch: np.ndarray
    signs: np.ndarray
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


def empty(units: int, statistics: bool = True) -> TopNine:
    """What is known before any image was seen."""
    of_levels, of_signs = (levels.LEVELS, sketching.SIGNS) if statistics else (0, 0)
    return TopNine(
        np.zeros((units, NINE), np.float32),
        np.full((units, NINE), EMPTY, np.int64),
        np.zeros((units, NINE, 2), np.int32),
        np.zeros(units, np.int64),
        np.zeros((units, of_levels), np.int32),
        np.full((units, of_levels), NO_IMAGE, np.int32),
        np.zeros((units, of_levels), np.float32),
        np.zeros((units, of_levels), np.int32),
        np.zeros((units, of_signs), np.int32),
        np.zeros(of_signs, np.int64),
        0,
    )


def include(
    record: TopNine, value: np.ndarray, place: np.ndarray, width: int, image: np.ndarray
) -> TopNine:
    """A record with N images more, none of which it has; its arrays are those of the old one.

    ``value`` ``[N, U]`` float32 holds each image's maximum over positions, ``place`` ``[N, U]``
    where it stands, counted in row-major order over maps of this width, ``image`` ``[N]`` the
    images' indices, all different. The old record is not to be used any more.
    """
    _include(value, place, width, image, record.value, record.image, record.position, record.fired)
    images = record.images + len(image)
    if not record.signs.size:
        return replace(record, images=images)
    level, signs = levels.level_of(value), sketching.signs_of(image)
    samples = record.sample, record.sample_value, record.sample_place
    _count(level, value, place, image, record.counts, *samples)
    record.sketch[:] += sketching.sketch(level, signs)
    return replace(record, images=images, signs=record.signs + signs.sum(0))


@compiled
def _include(value, place, width, image, values, images, positions, fired):  # type: ignore[no-untyped-def]
    count, units = value.shape
    for n in range(count):
        for unit in range(units):
            new = value[n, unit]
            if not new > 0:
                continue
            fired[unit] += 1
            rank = NINE
            while rank > 0 and (
                new > values[unit, rank - 1]
                or (new == values[unit, rank - 1] and image[n] < images[unit, rank - 1])
            ):
                rank -= 1
            if rank == NINE:
                continue
            for other in range(NINE - 1, rank, -1):
                values[unit, other] = values[unit, other - 1]
                images[unit, other] = images[unit, other - 1]
                positions[unit, other, 0] = positions[unit, other - 1, 0]
                positions[unit, other, 1] = positions[unit, other - 1, 1]
            values[unit, rank], images[unit, rank] = new, image[n]
            positions[unit, rank, 0] = place[n, unit] // width
            positions[unit, rank, 1] = place[n, unit] % width


@compiled
def _count(level, value, place, image, counts, sample, sample_value, sample_place):  # type: ignore[no-untyped-def]
    count, units = level.shape
    for first in range(0, units, 16):  # units whose counts fit into a core's nearest memory
        for n in range(count):
            for unit in range(first, min(first + 16, units)):
                reached = level[n, unit]
                counts[unit, reached] += 1
                if reached > 0 and image[n] < sample[unit, reached]:
                    sample[unit, reached] = image[n]
                    sample_value[unit, reached] = value[n, unit]
                    sample_place[unit, reached] = place[n, unit]


def merge(one: TopNine, other: TopNine) -> TopNine:
    """The record of both sets of images; the sets have no image in common."""
    width = 1 + max(int(each.position[..., 1].max(initial=0)) for each in (one, other))
    value, image, place = _best(
        np.concatenate([one.value, other.value], 1),
        np.concatenate([one.image, other.image], 1),
        np.concatenate([each.position @ np.array([width, 1]) for each in (one, other)], 1),
    )
    position = _positions(place, width)
    fired, counts = one.fired + other.fired, one.counts + other.counts
    first = one.sample < other.sample
    sample, sample_value, sample_place = (
        np.where(first, getattr(one, part), getattr(other, part))
        for part in ("sample", "sample_value", "sample_place")
    )
    sketch, signs = one.sketch + other.sketch, one.signs + other.signs
    return TopNine(
        value, image, position, fired, counts, sample, sample_value, sample_place, sketch, signs,
        one.images + other.images,
    )  # fmt: skip


def beside(records: Sequence[TopNine]) -> TopNine:
    """One record of the units of several, in order, which have seen the same images."""
    parts: dict[str, Any] = {
        part.name: np.concatenate([getattr(record, part.name) for record in records])
        for part in fields(TopNine)
        if part.name not in ("signs", "images")
    }
    return replace(records[0], **parts)


def _positions(place: np.ndarray, width: int) -> np.ndarray:
    return np.stack(np.divmod(place, width), 2).astype(np.int32)


def _best(
    value: np.ndarray, image: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nine largest of each row of float32; the lowest image index first among equals.

    Values that aren't negative are ordered as their bits are, so value and image make one number.
    """
    bits = value.view(np.int32).astype(np.int64)
    order = np.argsort((_BITS - bits << 32) + np.minimum(image, _IMAGES), axis=1)[:, :NINE]
    value, image, place = (np.take_along_axis(each, order, 1) for each in (value, image, place))
    return value, image, place


_BITS, _IMAGES = 2**31 - 1, 2**32 - 1  # more than any value's bits, and than any image's index
