"""Forms: labels joined by and, or and not, and the search for those that a unit follows.

A beam search after INVERT (Bykov et al. 2023): from the labels with the largest area under the ROC
curve, each step adds one label to each form kept. What a form's score needs is the sum of the
unit's values over its images, and the sums of "a and b" for all b are one matrix product; those of
"or" and "and not" follow from it. So no joined label is ever written down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas.data.names import AND, NOT, OR
from atlas.evidence.naming import scores

JOINTS = (AND, OR, NOT)
LONGEST, BEAM = 3, 6
PROPOSED = 48  # forms of a length that AUC proposes, of which the beam keeps those that correlate
SAME = 5  # digits in which correlations are compared
FEWEST = 5  # images that have a form, and that lack it, at least

Term = tuple[str, int]  # how it is joined to what stands before it, and the label's number
Form = tuple[Term, ...]  # the first term is joined by AND


@dataclass(frozen=True)
class Found:
    """What a search found for U units, in K places each.

    ``labels`` ``[U, K, LONGEST]`` are labels' numbers, -1 after the form's end; ``joints``, of the
    same shape, are places in ``JOINTS``. ``pearson``, ``auc`` and ``size``, the number of images
    that have it, are ``[U, K]``; an empty place has no label and a correlation of -1.
    """

    labels: np.ndarray
    joints: np.ndarray
    pearson: np.ndarray
    auc: np.ndarray
    size: np.ndarray

    def form(self, unit: int, place: int) -> Form:
        """The form in a place; where the order of its terms means nothing, that of the labels."""
        pairs = zip(self.joints[unit, place], self.labels[unit, place], strict=True)
        terms = [(JOINTS[joint], int(label)) for joint, label in pairs if label >= 0]
        joints = {joint for joint, _ in terms[1:]}
        if len(joints) == 1 and joints != {NOT}:
            rest = sorted(label for _, label in terms)
            terms = [(AND, rest[0]), *((terms[1][0], label) for label in rest[1:])]
        return tuple(terms)

    @property
    def lengths(self) -> np.ndarray:
        """How many labels each form has: ``[U, K]``."""
        return (self.labels >= 0).sum(2)


def holds(form: Form, labels: np.ndarray) -> np.ndarray:
    """Which images have a form: ``[N]`` bool, of labels ``[N, C]``."""
    result = np.ones(len(labels), bool)
    for joint, label in form:
        own = labels[:, label]
        result = result | own if joint == OR else result & (~own if joint == NOT else own)
    return result


def search(scaled: np.ndarray, ranked: np.ndarray, labels: np.ndarray, *, block: int = 32) -> Found:
    """The best forms of every unit: of those of each length that AUC proposes, the ``BEAM`` best.

    ``scaled`` and ``ranked`` ``[N, U]`` are ``scores.standardised`` and ``scores.ranks``; labels
    ``[N, C]`` bool. Works on ``block`` units at once, to save memory.
    """
    numbers = labels.astype(np.float32)
    units = scaled.shape[1]
    parts = [
        _search(scaled[:, first : first + block], ranked[:, first : first + block], numbers)
        for first in range(0, units, block)
    ]
    return Found(*(np.concatenate([getattr(one, name) for one in parts])
                   for name in ("labels", "joints", "pearson", "auc", "size")))  # fmt: skip


def _search(scaled: np.ndarray, ranked: np.ndarray, labels: np.ndarray) -> Found:
    images, units = scaled.shape
    count = labels.shape[1]
    alone = labels.sum(0, dtype=np.float64)
    own = [(labels.T @ one).T[:, None] for one in (ranked, scaled)]  # [U, 1, C] each
    found = [_best(own[0], own[1], np.tile(alone, (units, 1, 1)), images, None)]
    either = np.concatenate([labels, 1 - labels], 1).T.astype(np.uint8)
    for _ in range(1, LONGEST):
        before = found[-1]
        held = _held(before, either).astype(np.float32)  # [U, B, N]
        size = held.sum(2, dtype=np.float64)
        shared = _over(held, labels).astype(np.float64)
        weighted = np.empty_like(held)
        sums, both = [], []
        for one in (ranked, scaled):
            np.multiply(held, one.T[:, None], out=weighted)
            sums.append(weighted.sum(2))
            both.append(_over(weighted, labels))  # [U, B, C]
        joined = [
            np.stack([with_, s[..., None] + o - with_, s[..., None] - with_], 2)
            for with_, s, o in zip(both, sums, own, strict=True)
        ]  # [U, B, 3, C]
        sizes = np.stack([shared, size[..., None] + alone - shared, size[..., None] - shared], 2)
        ranks_, values_, sizes = (one.reshape(units, -1, count) for one in (*joined, sizes))
        found.append(_best(ranks_, values_, sizes, images, before))
    return Found(*(np.concatenate([getattr(one, name) for one in found], 1)
                   for name in ("labels", "joints", "pearson", "auc", "size")))  # fmt: skip


def _best(
    ranked: np.ndarray, scaled: np.ndarray, sizes: np.ndarray, images: int, before: Found | None
) -> Found:
    """Of the forms with the largest AUC those that correlate best, from their sums ``[U, F, C]``.

    F counts what labels are joined to, and how: for each form before in turn, each of ``JOINTS``.
    A form that has the same images as one before, or too few, doesn't count.
    """
    units, _, count = sizes.shape
    auc = scores.auc(ranked.astype(np.float64), sizes, images)
    fits = (sizes >= FEWEST) & (images - sizes >= FEWEST)
    if before is not None:
        each = sizes.shape[1] // before.size.shape[1]
        fits &= sizes != np.repeat(before.size, each, axis=1)[..., None]
        fits &= np.repeat(before.labels[..., 0] >= 0, each, axis=1)[..., None]
    value = np.where(fits, auc, -1).reshape(units, -1)
    few = min(PROPOSED, value.shape[1])
    rows = np.arange(units)[:, None]
    proposed = np.sort(np.argpartition(-value, few - 1, axis=1)[:, :few], axis=1)
    flat = sizes.reshape(units, -1), scaled.reshape(units, -1)
    follows = scores.pearson(flat[1][rows, proposed], flat[0][rows, proposed], images)
    follows = np.round(follows, SAME)  # so no rounding decides between ways to say the same
    follows[value[rows, proposed] < 0] = -1
    order = np.take_along_axis(proposed, np.argsort(-follows, axis=1, kind="stable"), 1)
    chosen = _different(value, *flat, order)
    place, label = np.divmod(chosen, count)
    taken = np.where(chosen >= 0, value[rows, chosen], -1)
    there = taken >= 0
    labels = np.full((units, BEAM, LONGEST), -1, np.int32)
    joints = np.zeros((units, BEAM, LONGEST), np.int32)
    if before is None:
        labels[..., 0] = label
    else:
        form, joint = np.divmod(place, len(JOINTS))
        labels[:] = before.labels[rows, form]
        joints[:] = before.joints[rows, form]
        length = (labels >= 0).sum(2)
        units_, places = np.nonzero(there & (length < LONGEST))
        at = length[units_, places]
        labels[units_, places, at] = label[units_, places]
        joints[units_, places, at] = joint[units_, places]
    labels[~there] = -1
    size = np.where(there, sizes.reshape(units, -1)[rows, chosen], 0)
    sums = scaled.reshape(units, -1)[rows, chosen].astype(np.float64)
    pearson = np.where(there, scores.pearson(sums, size, images), -1)
    return Found(labels, joints, pearson, np.where(there, taken, 0.5), size)


def _different(
    value: np.ndarray, sizes: np.ndarray, sums: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Of places in order, the first ``BEAM`` that differ in their figures; -1 where there is none.

    Forms with the same number of images and the same sum are the same, whatever they are made of.
    """
    rows = np.arange(len(value))[:, None]
    size, sum_ = sizes[rows, order], np.rint(sums[rows, order].astype(np.float64) * 100)
    same = (size[:, :, None] == size[:, None]) & (sum_[:, :, None] == sum_[:, None])
    earlier = np.tri(order.shape[1], k=-1, dtype=bool)
    first = ~(same & earlier).any(2) & (value[rows, order] >= 0)
    place = np.cumsum(first, axis=1) - 1
    chosen = np.full((len(value), BEAM), -1, np.int64)
    units, at = np.nonzero(first & (place < BEAM))
    chosen[units, place[units, at]] = order[units, at]
    return chosen


def _over(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Sums of values ``[U, B, N]`` over the images of each label ``[N, C]``: ``[U, B, C]``."""
    return (values.reshape(-1, len(labels)) @ labels).reshape(*values.shape[:2], -1)


def _held(found: Found, either: np.ndarray) -> np.ndarray:
    """Which images have each form of one length: ``[U, B, N]`` uint8.

    ``either`` ``[2C, N]`` are the labels, 1 where an image has one, and then their opposites.
    """
    count = len(either) // 2
    result = either[found.labels[..., 0]]
    for place in range(1, int(found.lengths.max(initial=1))):
        label, joint = found.labels[..., place], found.joints[..., place]
        by_or = (joint == JOINTS.index(OR)).astype(np.uint8)[..., None]
        result ^= by_or  # a or b = not (not a and not b)
        result &= either[label + count * (joint != JOINTS.index(AND))]
        result ^= by_or
    result *= (found.labels[..., :1] >= 0).astype(np.uint8)
    return result
