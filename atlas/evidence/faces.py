"""One thing or several: how the strongest images of a unit lie in the network's own features.

Clarity, polysemanticity and redundancy follow semanticlens (Dreyer et al. 2025), which takes the
features of a foundation model. Here they are the network's own last features, less their mean over
all images, each of length 1: so images at random have a cosine of 0 in the mean. All that is needed
of n images are the cosines between them, ``[n, n]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST, FEWEST, PART = 100, 36, 40  # strongest images: one in 40 of all, within these bounds
FACE = 9  # images of a face, at least
STARTS = 16  # of the search for two clusters, besides the one from the two least alike
RUNS = 50  # steps of a search, at most
TOGETHER = 0.75  # of the median clarity of images that show one thing is in a face, at least
APART, LEAST = 95, 0.5  # two faces are further apart than this percentile of such images, and this


@dataclass(frozen=True)
class Parted:
    """Images parted in two: ``first`` ``[n]`` bool are those of the larger part.

    ``apart`` is 1 less the cosine of the two parts' mean directions, and ``clarities`` are theirs.
    """

    first: np.ndarray
    apart: float
    clarities: tuple[float, float]


@dataclass(frozen=True)
class Usual:
    """What images come to that show one thing, by ``sets`` sets of them.

    A face has ``clarity`` at least, and two of them are further ``apart`` than this.
    """

    clarity: float
    apart: float
    sets: int


@dataclass(frozen=True)
class Faces:
    """What a unit's strongest images come to; ``images`` are their rows, strongest first.

    ``two`` is whether two parts stand out, each with ``FACE`` images or more.
    """

    images: np.ndarray
    clarity: float
    parted: Parted
    two: bool


def directions(features: np.ndarray) -> np.ndarray:
    """Features ``[N, D]`` less their mean, of length 1: float64; 0 for one that is the mean."""
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: np.ndarray = centred / np.where(length > 1e-9, length, 1) * (length > 1e-9)
    return unit


def strongest(values: np.ndarray) -> np.ndarray:
    """The rows of a unit's strongest images, of those that excite it at all: the strongest first.

    Of equals the first is first.
    """
    few = min(max(len(values) // PART, FEWEST), MOST)
    order = np.argsort(-values, kind="stable")[:few]
    return order[values[order] > 0]


def clarity(cosines: np.ndarray) -> float:
    """How alike n images are: the mean cosine of two different ones."""
    count = len(cosines)
    if count < 2:
        return 0.0
    return float((cosines.sum() / count**2 - 1 / count) * count / (count - 1))


def parted(cosines: np.ndarray) -> Parted:
    """The two clusters of n images (2-means), and how far apart they lie.

    From several starts, the one with the least spread counts; so all is decided.
    """
    count = len(cosines)
    dice = np.random.Generator(np.random.Philox(count))
    least = np.unravel_index(np.argmin(cosines), cosines.shape)
    starts = [least, *(dice.choice(count, 2, replace=False) for _ in range(STARTS))]
    tries = _two_means(cosines, np.array(starts))
    best = tries[int(np.argmin(_spread(cosines, tries)))]
    size = int(best.sum())  # of two equal parts the first is that of the first image
    first = best if 2 * size > count or (2 * size == count and best[0]) else ~best
    within = [cosines[np.ix_(part, part)] for part in (first, ~first)]
    between = cosines[np.ix_(first, ~first)].mean() if not first.all() else 1.0
    lengths = [max(float(one.mean()), 1e-12) if one.size else 1.0 for one in within]
    apart = float(1 - between / np.sqrt(lengths[0] * lengths[1]))
    return Parted(first, apart, (clarity(within[0]), clarity(within[1])))


def _two_means(cosines: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Which of n images are nearer to the mean of those about one image than about another.

    ``starts`` ``[S, 2]`` are the two images of each search; all searches, ``[S, n]`` bool, run at
    once.
    """
    own = cosines[starts[:, 0]] >= cosines[starts[:, 1]]
    searching = np.ones(len(own), bool)
    for _ in range(RUNS):
        searching &= own.any(1) & ~own.all(1)
        if not searching.any():
            break
        before = own[searching]
        near = []
        for part in (before, ~before):
            size, sums, within = _sums(cosines, part)
            near.append(sums / size[:, None] - (within / size**2 / 2)[:, None])
        own[searching] = near[0] >= near[1]
        searching[searching] = (own[searching] != before).any(1)
    return own


def _spread(cosines: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The sum of squared distances to the two parts' means, of S partings ``[S, n]``: ``[S]``."""
    explained = np.zeros(len(parts))
    for part in (parts, ~parts):
        size, _, within = _sums(cosines, part)
        explained += within / np.maximum(size, 1)
    spread: np.ndarray = np.trace(cosines) - explained
    return spread


def _sums(cosines: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes of S parts ``[S, n]``, and sums of cosines with them: all images', and their own."""
    numbers = parts.astype(np.float64)
    sums = numbers @ cosines
    return numbers.sum(1), sums, (sums * numbers).sum(1)


def usual(unit: np.ndarray, sets: Sequence[np.ndarray]) -> Usual | None:
    """What sets of images come to that show one thing each; None without any.

    ``unit`` ``[N, D]`` are all images' directions, and each set has rows of images.
    """
    found = []
    for rows in sets:
        cosines = unit[rows] @ unit[rows].T
        found.append((clarity(cosines), parted(cosines).apart))
    if not found:
        return None
    clear, apart = np.array(found).T
    most = max(LEAST, float(np.percentile(apart, APART)))
    return Usual(TOGETHER * float(np.median(clear)), most, len(found))


def faces(values: np.ndarray, unit: np.ndarray, usual: Usual | None) -> Faces | None:
    """What a unit's strongest images come to; None where too few excite it.

    ``values`` ``[N]`` are its peaks, ``unit`` ``[N, D]`` the images' directions.
    """
    rows = strongest(values)
    if len(rows) < 2 * FACE:
        return None
    cosines = unit[rows] @ unit[rows].T
    parts = parted(cosines)
    smaller = int((~parts.first).sum())
    two = (
        usual is not None
        and smaller >= FACE
        and parts.apart > usual.apart
        and min(parts.clarities) >= usual.clarity
    )
    return Faces(rows, clarity(cosines), parts, bool(two))


def redundancy(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest cosine of each unit's mean direction with another's, and which unit that is.

    ``means`` ``[U, D]`` are the mean directions of the units' strongest images, 0 for a unit that
    has none; its largest cosine is 0, with itself.
    """
    length = np.linalg.norm(means, axis=1, keepdims=True)
    known = length[:, 0] > 1e-9
    unit = means / np.where(length > 1e-9, length, 1)
    cosines = unit @ unit.T
    cosines[:, ~known] = -2
    np.fill_diagonal(cosines, -2)
    if cosines.shape[1] == 0:
        return np.zeros(0), np.zeros(0, np.int64)
    best = cosines.argmax(1)
    largest = cosines[np.arange(len(best)), best]
    none = ~known | (largest < -1.5)
    return np.where(none, 0, largest), np.where(none, np.arange(len(best)), best)
