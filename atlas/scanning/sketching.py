"""Sketches: which units' activations correlate over all images, in constant memory.

Over the images, a unit's levels of activation are a long vector. Its sketch is the product of that
vector with a matrix of random signs, 256 for each image. The angle between two sketches is close to
the angle between the vectors (Achlioptas 2003): a correlation r is off by about (1 - r²) / 16. All
sums are of whole numbers, so every order and every split of the images gives the same sketch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from atlas.data import levels

SIGNS = 256
ALIKE = 5  # units that are reported for each, at most


def signs_of(images: np.ndarray) -> np.ndarray:
    """The signs of images ``[N]``: ``[N, SIGNS]`` int32, each 1 or -1, the same in every run."""
    words = np.arange(SIGNS // 64, dtype=np.uint64)
    drawn = _mixed(len(words) * np.asarray(images, np.uint64)[:, None] + words)
    bits = np.unpackbits(drawn.astype("<u8").view(np.uint8), axis=1)
    return 2 * bits.astype(np.int32) - 1


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """A pseudorandom uint64 for each uint64: SplitMix64 (Steele, Lea & Flood 2014)."""
    state = (numbers + 1) * 0x9E3779B97F4A7C15
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB
    mixed: np.ndarray = state ^ (state >> 31)
    return mixed


def sketch(level: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """What N images add to the sketches of U units: ``[U, SIGNS]`` int32.

    ``level`` is ``[N, U]`` and ``signs`` ``[N, SIGNS]``.
    """
    # exact, because every sum is a whole number that fits into the fraction; by torch, because
    # NumPy's threads keep spinning after a product and slow torch's down
    dtype = torch.float32 if len(level) * levels.LEVELS < 2**24 else torch.float64
    levels_ = torch.from_numpy(np.ascontiguousarray(level)).to(dtype)
    signs_ = torch.from_numpy(np.ascontiguousarray(signs)).to(dtype)
    added: np.ndarray = (levels_.T @ signs_).to(torch.int32).numpy()
    return added


def directions(sketches: np.ndarray, signs: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Centred sketches of length 1: ``[U, SIGNS]`` float32; 0 for a unit of constant level.

    ``signs`` ``[SIGNS]`` are the sums of all images' signs; ``counts`` ``[U, LEVELS]`` are the
    numbers of images at each level, which give the mean level.
    """
    images = counts.sum(1)
    mean = counts @ np.arange(levels.LEVELS) / np.maximum(images, 1)
    centred = sketches - mean[:, None] * signs
    length = np.linalg.norm(centred, axis=1)
    varies = (counts > 0).sum(1) > 1
    scale = np.where(varies, 1 / np.maximum(length, 1e-9), 0)
    return (scale[:, None] * centred).astype(np.float32)


def alike(
    of_layers: Mapping[str, np.ndarray],
    units: Mapping[str, Sequence[int]],
    *,
    count: int = ALIKE,
    block: int = 512,
) -> dict[tuple[str, int], list[tuple[str, int, float]]]:
    """For each unit, the units of all layers that correlate with it most.

    ``of_layers`` holds the directions ``[U, SIGNS]`` of each layer's ``units``. Returns, for each
    (layer, unit), at most ``count`` times (layer, unit, correlation), the largest first; only
    correlations above 0 are reported. Works on ``block`` units at once, to save memory.
    """
    names = [(name, unit) for name, own in units.items() for unit in own]
    whole = np.concatenate([of_layers[name] for name in units])
    reported: dict[tuple[str, int], list[tuple[str, int, float]]] = {}
    for start in range(0, len(whole), block):
        correlation = whole[start : start + block] @ whole.T
        rows = np.arange(len(correlation))
        correlation[rows, start + rows] = -2  # not itself
        few = min(count, correlation.shape[1])
        best = np.argpartition(-correlation, few - 1, axis=1)[:, :few]
        for row in rows:
            own = sorted(best[row], key=lambda n: (-correlation[row, n], n))
            reported[names[start + row]] = [
                (*names[n], round(float(min(correlation[row, n], 1)), 2))
                for n in own
                if correlation[row, n] > 0
            ]
    return reported
