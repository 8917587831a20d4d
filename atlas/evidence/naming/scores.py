"""How well labels say what activates units, over all images.

Of eighteen scores that are in use, few fall when labels are taken away or added at random
(Oikarinen et al. 2025, arXiv 2506.05774). Pearson's correlation and the area under the curve of
precision and recall do. The area under the ROC curve doesn't: it proposes names and judges none (as
in INVERT, Bykov et al. 2023, arXiv 2311.13594).

Values are ``[N, U]``, one for each of N images and U units; labels ``[N, C]`` bool.
"""

from __future__ import annotations

import functools

import numpy as np

from atlas.data import ranking

MISSING, EXTRA = "missing", "extra"  # the two checks


def standardised(values: np.ndarray) -> np.ndarray:
    """Values of mean 0 and mean square 1 over the images, float32; 0 for a constant unit."""
    centred = values.astype(np.float64) - values.mean(0, dtype=np.float64)
    spread = np.sqrt((centred**2).mean(0))
    usual = spread > 1e-9 * np.maximum(np.abs(values).max(0, initial=0), 1e-30)
    scaled: np.ndarray = (centred / np.where(usual, spread, 1) * usual).astype(np.float32)
    return scaled


def ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each image among all, from 1, by each unit; equals share the mean of theirs."""
    ranked = np.empty(values.shape, np.float32)
    for unit, column in enumerate(values.T):
        ranked[:, unit] = ranking.ranks(column)
    return ranked


def pearson(sums: np.ndarray, sizes: np.ndarray, images: int) -> np.ndarray:
    """The correlation with labels, from sums of standardised values over each label's images.

    ``sizes`` are the numbers of the labels' images, in the shape of ``sums`` or one that spreads to
    it. 0 for a label that all images have, or none.
    """
    return sums / np.sqrt(np.maximum(sizes * (images - sizes) * 1.0, 1e-9)) * _some(sizes, images)


def auc(sums: np.ndarray, sizes: np.ndarray, images: int) -> np.ndarray:
    """The area under the ROC curve, from sums of ranks over each label's images; else as above.

    It is the chance that an image with the label excites the unit more than one without it does,
    half of it on a tie; ½ for a label that all images have, or none.
    """
    above = sums - sizes * (sizes + 1) / 2
    share = above / np.maximum(sizes * (images - sizes) * 1.0, 1e-9)
    return np.where(_some(sizes, images), share, 0.5)


def _some(sizes: np.ndarray, images: int) -> np.ndarray:
    return (sizes > 0) & (sizes < images)


def auprc(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """One unit's average precision with each of K labels: ``[N]`` and ``[N, K]`` to ``[K]``.

    The area under the curve of precision and recall, by steps; images of equal value come in
    together. 0 for a label without images.
    """
    order = np.argsort(-values, kind="stable")
    level = values[order]
    last = np.append(level[1:] != level[:-1], True)
    found = np.cumsum(labels[order], axis=0, dtype=np.float64)[last]
    precision = found / (np.flatnonzero(last) + 1)[:, None]
    steps = np.diff(found, axis=0, prepend=0)
    area: np.ndarray = (steps * precision).sum(0) / np.maximum(found[-1], 1)
    return area


def lift(auprc: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Average precision beyond that of chance, as a share of what could be: ``[K]``.

    Chance gives the share of the images that have a label, so the plain figure rises when labels
    are added to a common one, whatever the unit does.
    """
    share = labels.mean(0)
    beyond: np.ndarray = (auprc - share) / np.maximum(1 - share, 1e-9)
    return beyond


def correlation(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """One unit's correlation with each of K labels: ``[N]`` and ``[N, K]`` to ``[K]``."""
    scaled = standardised(values[:, None])[:, 0].astype(np.float64)
    return pearson(scaled @ labels, labels.sum(0), len(labels))


def spoilt(label: np.ndarray, check: str, draws: int, seed: int) -> np.ndarray:
    """A label ``[N]`` bool spoilt at random ``draws`` times: ``[N, draws]``.

    ``MISSING`` takes each of its images away with probability ½; ``EXTRA`` adds others, drawn at
    random, until it has twice as many, or all.
    """
    drawn, order = _drawn(len(label), draws, seed)
    if check == MISSING:
        return label[:, None] & (drawn < 0.5)
    others = ~label[order]
    more = others & (np.cumsum(others, axis=0, dtype=np.int32) <= label.sum())
    spoiled = np.empty(drawn.shape, bool)
    np.put_along_axis(spoiled, order, ~others | more, axis=0)
    return spoiled


@functools.lru_cache(maxsize=4)
def _drawn(images: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A number from 0 to 1 for each image in each draw, and the images by these numbers."""
    dice = np.random.Generator(np.random.Philox(seed))
    drawn = dice.random((images, draws), dtype=np.float32)
    return drawn, np.argsort(drawn, axis=0, kind="stable")
