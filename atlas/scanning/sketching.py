"""Which units' activations go together over all images, in memory that doesn't grow with them.

A unit's level of activation is a number for each image. Each is multiplied with as many random
signs of that image as a sketch is long, and summed: what two units' sketches have in common, as an
angle, is what the numbers have (Achlioptas 2003). Sums are of whole numbers, so any order and any
sharing of the images gives the same. With 256 signs a correlation r is known to within about
(1 - r²) / 16.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from atlas.data import levels

SIGNS = 256
ALIKE = 5  # units named for each


def signs_of(images: np.ndarray) -> np.ndarray:
    """The random signs of images ``[N]``: ``[N, SIGNS]`` int32, each 1 or -1, ever the same."""
    words = np.arange(SIGNS // 64, dtype=np.uint64)
    drawn = _mixed(len(words) * np.asarray(images, np.uint64)[:, None] + words)
    bits = np.unpackbits(drawn.astype("<u8").view(np.uint8), axis=1)
    return 2 * bits.astype(np.int32) - 1


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Random numbers for numbers in order, uint64: SplitMix64 (Steele, Lea & Flood 2014)."""
    state = (numbers + 1) * 0x9E3779B97F4A7C15
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB
    mixed: np.ndarray = state ^ (state >> 31)
    return mixed


def sketch(level: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """What N images add to the sketches of U units: ``[N, U]`` levels to ``[U, SIGNS]`` int32."""
    # exact, for every sum is a whole number that fits into the fraction; by torch, for the threads
    # that numpy multiplies with go on turning in circles, and are in the way of torch's
    kind = torch.float32 if len(level) * levels.LEVELS < 2**24 else torch.float64
    one, other = (torch.from_numpy(np.ascontiguousarray(each)).to(kind) for each in (level, signs))
    found: np.ndarray = (one.T @ other).to(torch.int32).numpy()
    return found


def directions(sketches: np.ndarray, signs: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Centred sketches of length 1: ``[U, SIGNS]`` float32; 0 for a unit that is ever the same.

    ``signs`` ``[SIGNS]`` are the sums of all images' signs, ``counts`` ``[U, LEVELS]`` those of
    images at each level, which give the mean.
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
    count: int = ALIKE,
    block: int = 512,
) -> dict[tuple[str, int], list[tuple[str, int, float]]]:
    """For each unit those of all layers that go most nearly together with it.

    Takes directions ``[U, SIGNS]`` of each layer's ``units``; gives (layer, unit, correlation), the
    largest first.
    """
    names = [(name, unit) for name, own in units.items() for unit in own]
    whole = np.concatenate([of_layers[name] for name in units])
    found: dict[tuple[str, int], list[tuple[str, int, float]]] = {}
    for start in range(0, len(whole), block):
        some = whole[start : start + block] @ whole.T
        rows = np.arange(len(some))
        some[rows, start + rows] = -2  # not itself
        few = min(count, some.shape[1])
        best = np.argpartition(-some, few - 1, axis=1)[:, :few]
        for row in rows:
            own = sorted(best[row], key=lambda n: (-some[row, n], n))
            found[names[start + row]] = [
                (*names[n], round(float(min(some[row, n], 1)), 2)) for n in own if some[row, n] > 0
            ]
    return found
