"""How closely independent units seem to correlate, by chance and because sketches are rough.

Each unit's levels are dealt out among the images anew, at random, as often as they were counted. So
nothing goes together any more; what still correlates is what the number of images, the units' own
distributions and the sketches make of units that have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from atlas.data import levels
from atlas.scanning import sketching

DRAWS = 4
IMAGES = 4096  # at most: beyond that the sketches' own error is the whole of it
ROWS = 256  # units of a layer whose partners are looked for, at most
RARELY = 0.05  # the share of independent units that correlate more closely with any other


def reached(counts: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The correlation that few independent units of each layer reach with any unit of any layer.

    ``counts`` are the numbers of images at each level, ``[U, LEVELS]`` for each layer. 1 where no
    unit varies.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in counts}
    for draw in range(DRAWS):
        of_layers = [_drawn(own, [draw, place]) for place, own in enumerate(counts.values())]
        whole, first = np.concatenate(of_layers), 0
        for name, own in zip(counts, of_layers, strict=True):
            rows = first + np.unique(np.linspace(0, len(own) - 1, min(len(own), ROWS)).astype(int))
            first += len(own)
            rows = rows[whole[rows].any(1)]
            correlation = whole[rows] @ whole.T
            correlation[np.arange(len(rows)), rows] = -1  # not itself
            found[name].append(correlation.max(1, initial=-1))
    values = {name: np.concatenate(own) for name, own in found.items()}
    return {
        name: float(np.quantile(own, 1 - RARELY, method="higher")) if own.size else 1.0
        for name, own in values.items()
    }


def _drawn(counts: np.ndarray, seed: list[int]) -> np.ndarray:
    """The directions of units ``[U, SIGNS]`` whose levels are dealt out among images at random."""
    images = int(counts[0].sum()) if len(counts) else 0
    few = min(images, IMAGES)
    places = (np.arange(few) + 0.5) * images / max(few, 1)
    dealt = np.stack([np.searchsorted(np.cumsum(one), places, side="right") for one in counts])
    level = np.random.default_rng(seed).permuted(dealt.astype(np.int32), axis=1).T
    signs = sketching.signs_of(np.arange(few))
    sketches = sketching.sketch(level, signs)
    return sketching.directions(sketches, signs.sum(0), levels.count(level))
