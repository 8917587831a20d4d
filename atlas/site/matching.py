"""Matching the units of two atlases of the same images, from what their scans recorded.

A record keeps a sketch of each unit's levels of activation over all images. An image has the same
signs in the sketches of every atlas, so the angle between sketches of units of different networks
is close to that between their activations: a correlation r is off by about (1 - r²) / 16. No
network runs, and no torch is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas.data import levels
from atlas.data.array_files import read_arrays
from atlas.errors import UsageError
from atlas.runtime.assignment import assigned
from atlas.site.render.view import AtlasView

MOST = 1024  # units of a layer: more would take minutes
RECORD = "record.npz"


@dataclass(frozen=True)
class Matches:
    """The matched units of a layer, one to one, so that their correlations add up to the most.

    ``pairs`` are (unit, unit, correlation), the most alike first. ``mean`` is their mean
    correlation, ``by_chance`` that of the best matches where nothing is in common.
    """

    pairs: tuple[tuple[int, int, float], ...]
    mean: float
    by_chance: float


def check_images(left: AtlasView, right: AtlasView) -> None:
    """Raises ``UsageError`` unless two atlases looked at the same images."""
    one, other = left.atlas.images, right.atlas.images
    if (one.hash, one.duplicates) != (other.hash, other.duplicates):
        raise UsageError(
            f"{left.name} and {right.name} can't be matched: they looked at different images"
        )


def matches(left: AtlasView, right: AtlasView, layer: str) -> Matches | None:
    """The matched units of a layer of two atlases, of those that are shown.

    None where a layer has more than ``MOST`` units. Raises ``UsageError`` for an atlas without
    statistics.
    """
    sides = []
    for view in (left, right):
        units = [one.unit for one in view.layers[layer].top]
        if len(units) > MOST:
            return None
        found = directions(view.folder / layer / RECORD)
        if found is None:
            raise UsageError(
                f"{left.name} and {right.name} can't be matched: {view.name} was built with "
                "--evidence none, so nothing was recorded of all images"
            )
        sides.append((units, found[units]))
    (own, x), (others, y) = sides
    correlation = x @ y.T
    pairs = [
        (own[row], others[column], round(float(correlation[row, column]), 4))
        for row, column in _best(correlation)
    ]
    # sketches whose numbers are in another order have nothing in common
    strange = x @ y[:, np.random.default_rng(0).permutation(y.shape[1])].T
    return Matches(
        tuple(sorted(pairs, key=lambda pair: (-pair[2], pair[0]))),
        float(np.mean([r for _, _, r in pairs])),
        float(np.mean([strange[pair] for pair in _best(strange)])),
    )


def _best(correlation: np.ndarray) -> list[tuple[int, int]]:
    """Rows and columns, one to one, whose sum is the largest."""
    if len(correlation) <= correlation.shape[1]:
        return list(enumerate(assigned(-correlation).tolist()))
    return [(row, column) for column, row in enumerate(assigned(-correlation.T).tolist())]


def directions(record: Path) -> np.ndarray | None:
    """The centred sketches of a layer's units, of length 1: ``[U, S]`` float64; 0 for a unit of
    constant level.

    None for a record without statistics. Raises ``AtlasError`` for one that can't be read.
    """
    sketch, signs, counts = read_arrays(record, ("sketch", "signs", "counts")).values()
    if not signs.size:
        return None
    images = np.maximum(counts.sum(1), 1)
    mean = counts @ np.arange(levels.LEVELS) / images
    centred = sketch - mean[:, None] * signs
    varies = (counts > 0).sum(1) > 1
    length = np.where(varies, np.linalg.norm(centred, axis=1), np.inf)
    found: np.ndarray = centred / np.maximum(length, 1e-9)[:, None]
    return found
