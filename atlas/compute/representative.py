"""Which units to show for a layer where there is no room for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from atlas.data import addresses
from atlas.data.records import LayerData, Unit

PLAIN = 8.0  # of 255: patches whose brightness varies by less are a plain colour to the eye

Contrast = Callable[[int], float]


def full_contrast(unit: int) -> float:
    """The contrast of a unit whose patches nobody has looked at."""
    return 255.0


def representative(
    layer: LayerData,
    filters: np.ndarray | None = None,
    count: int = 6,
    *,
    contrast: Contrast = full_contrast,
) -> tuple[int, ...]:
    """A few units to show for a layer, as different from each other as can be.

    Where the layer's ``filters`` ``[U, C, k, k]`` can be drawn: the strongest unit first, then
    each time the one whose filter is least like any before it. Elsewhere: those whose nine agree
    most on a class, the stronger first among equals, each class once as long as there are others.
    Units with all nine come before those with fewer. A unit whose patches have a ``contrast``
    below ``PLAIN`` is shown only where there are too few others: nobody sees anything in nine
    white squares.
    """

    def rank(unit: Unit) -> tuple[int, int, float]:
        agree = unit.commonest[1] if unit.commonest and filters is None else 0
        return (-len(unit.nine), -agree, -unit.nine[0].value)

    ordered = sorted((unit for unit in layer.top if unit.nine), key=rank)
    if filters is not None:
        units = [unit.unit for unit in ordered]
        telling = [unit for unit in units if contrast(unit) >= PLAIN]
        chosen = _unlike(filters, telling, count)
        return (*chosen, *(unit for unit in units if unit not in chosen))[:count]
    return tuple(islice(_plain_last(_each_class_once(ordered), contrast), count))


def patch_contrast(folder: Path, layer: LayerData) -> Contrast:
    """How much the brightness of a unit's patches varies, by its plate in an atlas's folder.

    It is the standard deviation within a patch, in levels of 255, and of nine patches the median.
    Every unit has full contrast where no patches are shown: a reconstruction says nothing of it,
    because each is drawn with a contrast of its own.
    """
    if not layer.plate.patches:
        return full_contrast

    def contrast(number: int) -> float:
        height, width = layer.plate.tile
        with Image.open(folder / addresses.plate_file(layer.layer, number)) as plate:
            grey = np.asarray(plate.convert("L"), np.float32)
        corners = [layer.plate.place(i, patch=True) for i in range(len(layer.unit(number).nine))]
        return float(
            np.median(
                [grey[top : top + height, left : left + width].std() for top, left in corners]
            )
        )

    return contrast


def _each_class_once(ordered: list[Unit]) -> list[int]:
    """Units in order, but those of a class that an earlier one has after all others."""
    chosen: list[Unit] = []
    seen: set[str | None] = set()
    for unit in ordered:
        name = unit.commonest[0] if unit.commonest else None
        if name is None or name not in seen:
            chosen.append(unit)
            seen.add(name)
    first = {unit.unit for unit in chosen}
    return [unit.unit for unit in chosen] + [u.unit for u in ordered if u.unit not in first]


def _plain_last(units: Iterable[int], contrast: Contrast) -> Iterator[int]:
    """The same units, those of little contrast at the end; no more are looked at than are taken."""
    plain = []
    for unit in units:
        if contrast(unit) < PLAIN:
            plain.append(unit)
        else:
            yield unit
    yield from plain


def _unlike(filters: np.ndarray, units: list[int], count: int) -> tuple[int, ...]:
    flat = filters.reshape(len(filters), -1)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    chosen = units[:1]
    while chosen and len(chosen) < min(count, len(units)):
        alike = np.abs(flat[units] @ flat[chosen].T).max(1)
        chosen.append(units[int(alike.argmin())])
    return tuple(chosen)
