"""The nine strongest images of every unit, in bounded memory and merged in any order.

A ``TopNine`` is the central record of a layer: everything after the scan reads it. ``merge`` is
associative and commutative, so any split of the images over batches, workers or machines gives the
same nine.
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
EMPTY = np.iinfo(np.int64).max  # the image of an empty place among the nine
NO_IMAGE = np.iinfo(np.int32).max  # the sample of a level that no image has reached


@dataclass(frozen=True)
class TopNine:
    """The strongest images of each of U units, strongest first, and statistics over all images.

    - ``value`` ``[U, 9]`` float32: the activation; 0 in an empty place.
    - ``image`` ``[U, 9]`` int64: the image's index; ``EMPTY`` in an empty place.
    - ``position`` ``[U, 9, 2]`` int32: the activation's (row, column) in the feature map.
    - ``fired`` ``[U]`` int64: the number of images with an activation above 0.
    - ``counts`` ``[U, LEVELS]`` int32: the number of images whose maximum lies in each level.
    - ``sample``, ``sample_value``, ``sample_place`` ``[U, LEVELS]`` int32, float32, int32: for each
      level above 0, the first of its images, its maximum and the maximum's place, which counts
      positions in row-major order.
    - ``sketch`` ``[U, SIGNS]`` int32 and ``signs`` ``[SIGNS]`` int64: see ``sketching``.
    - ``images``: the number of images.

    In a record without statistics the arrays from ``counts`` to ``signs`` have no columns.
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
        """The number of a unit's nine places that aren't empty."""
        return int((self.image[unit] != EMPTY).sum())

    def only(self, units: list[int]) -> TopNine:
        """The same record with the places of all other units empty."""
        image = np.full_like(self.image, EMPTY)
        image[units] = self.image[units]
        return replace(self, image=image)

    def bare(self) -> TopNine:
        """The same record without statistics."""
        return replace(self, **_empty_statistics(self.units))


def _empty_statistics(units: int) -> dict[str, Any]:
    return {
        "counts": np.zeros((units, 0), np.int32),
        "sample": np.zeros((units, 0), np.int32),
        "sample_value": np.zeros((units, 0), np.float32),
        "sample_place": np.zeros((units, 0), np.int32),
        "sketch": np.zeros((units, 0), np.int32),
        "signs": np.zeros(0, np.int64),
    }


def empty(units: int, statistics: bool = True) -> TopNine:
    """The record of no images."""
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


@dataclass(frozen=True)
class Maxima:
    """The maxima over positions of N images' feature maps.

    ``value`` ``[N, U]`` float32; ``place`` ``[N, U]`` counts positions in row-major order over maps
    that are ``width`` wide; ``image`` ``[N]`` holds the images' indices, all different.
    """

    value: np.ndarray
    place: np.ndarray
    image: np.ndarray
    width: int


def include(record: TopNine, maxima: Maxima) -> TopNine:
    """The record with N more images, none of which it includes yet.

    It takes over the old record's arrays, so the old record must not be used any more.
    """
    # of one kind each, so that the loops are compiled once
    value = np.require(maxima.value, np.float32, ("C", "W"))
    place, image = (np.require(of, np.int64, ("C", "W")) for of in (maxima.place, maxima.image))
    width = maxima.width
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
    value = np.concatenate([one.value, other.value], 1)
    image = np.concatenate([one.image, other.image], 1)
    position = np.concatenate([one.position, other.position], 1)
    order = _strongest_first(value, image)
    earlier = one.sample < other.sample
    return TopNine(
        value=np.take_along_axis(value, order, 1),
        image=np.take_along_axis(image, order, 1),
        position=np.take_along_axis(position, order[..., None], 1),
        fired=one.fired + other.fired,
        counts=one.counts + other.counts,
        sample=np.where(earlier, one.sample, other.sample),
        sample_value=np.where(earlier, one.sample_value, other.sample_value),
        sample_place=np.where(earlier, one.sample_place, other.sample_place),
        sketch=one.sketch + other.sketch,
        signs=one.signs + other.signs,
        images=one.images + other.images,
    )


def beside(records: Sequence[TopNine]) -> TopNine:
    """One record of the units of several records of the same images, in order."""
    parts: dict[str, Any] = {
        part.name: np.concatenate([getattr(record, part.name) for record in records])
        for part in fields(TopNine)
        if part.name not in ("signs", "images")
    }
    return replace(records[0], **parts)


def _strongest_first(value: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The places of the nine largest float32 of each row; of equals the lowest image is first.

    Values that aren't negative are in the order of their bits, so value and image make one number.
    """
    bits = value.view(np.int32).astype(np.int64)
    return np.argsort((_BITS - bits << 32) + np.minimum(image, _IMAGES), axis=1)[:, :NINE]


_BITS, _IMAGES = 2**31 - 1, 2**32 - 1  # above all bits of a value, and above all images
