"""Which form names a unit, if any does: what the scores say, and four doubts.

A name is given where (1) its correlation is beyond what the search finds with the images' labels
permuted, for any unit of the layer; (2) it is beyond what nearly all units of a network with
shuffled weights reach; (3) it is the best in most draws of the images anew; and (4) its scores fall
when its labels are taken away or added at random. All of it is over all images.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from atlas.data.names import PERMUTED, Fall
from atlas.evidence.by_chance import usual_and_largest
from atlas.evidence.naming import forms, scores
from atlas.evidence.naming.forms import Form, Found
from atlas.evidence.peaks import LayerPeaks

COST = 0.1  # by how much each further label must raise the correlation
LEAST = 0.2  # correlation of a name
REDRAWN, SPOILT = 60, 10  # draws
CHANCE = 0.05  # that any unit of a layer gets a name where labels mean nothing
UNLEARNED = 95  # percentile of the twin's units that a name has to be beyond
STEADY = 0.75  # share of the draws of images in which a name is the best
FALL, SURELY = 0.001, 0.9  # of a score that is spoilt, as in the paper, in this share of draws
RIVALS = 3  # forms that are told beside the name, at most
UNTRIED = Fall(0, 0, 0, 0)


@dataclass(frozen=True)
class Judged:
    """What was found of a unit: its best form, and what speaks for it.

    ``pearson`` is the correlation; ``auprc`` the area under the curve of precision and recall, and
    ``lift`` how far it is beyond that of chance.

    ``form`` is empty where the unit is the same for all images. ``p`` is the chance of such a
    correlation anywhere in the layer where labels mean nothing, ``steady`` the share of draws in
    which the form is the best, ``rivals`` the next best with their correlations. ``doubt`` is ""
    where the form is a name, or else says which doubt it met: "weak", "chance", "twin", "rivals" or
    "checks".
    """

    form: Form
    doubt: str
    size: int = 0
    auc: float = 0.5
    p: float = 1.0
    steady: float = 0.0
    pearson: Fall = UNTRIED
    auprc: float = 0.0
    lift: Fall = UNTRIED
    rivals: Sequence[tuple[Form, float]] = field(default=())


@dataclass(frozen=True)
class Judgement:
    """What was found of some units of a layer.

    ``twin`` is the correlation, less ``COST`` for each further label, that nearly all units of its
    twin stay below.
    """

    units: dict[int, Judged]
    twin: float


def judge(peaks: LayerPeaks, labels: np.ndarray, units: Sequence[int]) -> Judgement:
    """Judge the best forms of some units of a layer, by labels ``[N, C]`` bool of the images."""
    scaled, ranked = scores.standardised(peaks.own), scores.ranks(peaks.own)
    found = forms.search(scaled[:, units], ranked[:, units], labels)
    net = _net(found, len(labels))

    def permuted(order: np.ndarray) -> np.ndarray:
        other = forms.search(scaled[:, units], ranked[:, units], labels[order])
        return _net(other, len(labels)).max(1)

    with ThreadPoolExecutor() as pool:
        p = _chance(net.max(1), list(pool.map(permuted, _orders(len(labels)))))
    twin = forms.search(
        scores.standardised(peaks.twin), scores.ranks(peaks.twin), labels[peaks.rows]
    )
    beyond = float(np.percentile(_net(twin, len(peaks.rows)).max(1), UNLEARNED))
    draws = _draws(len(labels))
    judged = {}
    for row, unit in enumerate(units):
        own = peaks.own[:, unit]
        judged[unit] = (
            _judged(found, row, net[row], own, labels, p=p[row], twin=beyond, draws=draws)
            if scaled[:, unit].any() and net[row].max() > -1
            else Judged((), "weak")
        )
    return Judgement(judged, beyond)


def _net(found: Found, images: int) -> np.ndarray:
    """Correlations less ``COST`` for each label after the first: ``[U, K]``.

    -1 for a form that more than half of the images have: twice as many couldn't, as a check asks.
    """
    net: np.ndarray = found.pearson - COST * (found.lengths - 1)
    return np.where((found.lengths > 0) & (2 * found.size <= images), net, -1)


def _chance(net: np.ndarray, permuted: Sequence[np.ndarray]) -> list[float]:
    """How often any unit of the layer does as well as each of U with permuted labels: ``[U]``."""
    usual, largest = usual_and_largest(np.stack(permuted))
    return [(1 + sum(largest >= one)) / (1 + len(largest)) for one in net / usual]


def _orders(images: int) -> list[np.ndarray]:
    return [np.random.Generator(np.random.Philox(1 + draw)).permutation(images)
            for draw in range(PERMUTED)]  # fmt: skip


def _draws(images: int) -> np.ndarray:
    """How often each image is drawn, when as many as there are are drawn anew: ``[D, N]``."""
    dice = np.random.Generator(np.random.Philox(0))
    return np.stack([
        np.bincount(dice.integers(0, images, images), minlength=images) for _ in range(REDRAWN)
    ]).astype(np.float64)  # fmt: skip


def _judged(
    found: Found,
    row: int,
    net: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray,
    *,
    p: float,
    twin: float,
    draws: np.ndarray,
) -> Judged:
    order = [int(place) for place in np.argsort(-net, kind="stable") if net[place] > -1]
    candidates = [found.form(row, place) for place in order]
    held = np.stack([forms.holds(form, labels) for form in candidates], 1)
    lengths = found.lengths[row, order]
    wins = _wins(values.astype(np.float64), held, lengths, draws)
    best, place = candidates[0], order[0]
    pearson, auprc, lift = _tried(values, held[:, 0])
    doubt = ""
    if net[place] < LEAST:
        doubt = "weak"
    elif p > CHANCE:
        doubt = "chance"
    elif net[place] <= twin:
        doubt = "twin"
    elif min(pearson.surely, lift.surely) < SURELY:
        doubt = "checks"
    elif wins[0] < STEADY:
        doubt = "rivals"
    rivals = [(candidates[i], float(found.pearson[row, order[i]]))
              for i in _different(held) if i][:RIVALS]  # fmt: skip
    return Judged(
        best,
        doubt,
        size=int(held[:, 0].sum()),
        auc=float(found.auc[row, place]),
        p=p,
        steady=float(wins[0]),
        pearson=pearson,
        auprc=auprc,
        lift=lift,
        rivals=rivals,
    )


def _different(held: np.ndarray) -> list[int]:
    """The places of the forms ``[N, K]`` of which none before has the same images."""
    first: dict[bytes, int] = {}
    for place, images in enumerate(np.packbits(held.T, axis=1)):
        first.setdefault(images.tobytes(), place)
    return list(first.values())


def _wins(
    values: np.ndarray, held: np.ndarray, lengths: np.ndarray, draws: np.ndarray
) -> np.ndarray:
    """The share of draws ``[D, N]`` of images in which each of K forms is the best: ``[K]``."""
    count = draws.sum(1)
    mean = draws @ values / count
    spread = np.sqrt(np.maximum(draws @ values**2 / count - mean**2, 1e-30))
    size = draws @ held / count[:, None]
    sums = draws @ (held * values[:, None]) / count[:, None]
    deviation = np.sqrt(np.maximum(size * (1 - size), 1e-30))
    correlation = (sums - size * mean[:, None]) / (deviation * spread[:, None])
    winner = np.argmax(correlation - COST * (lengths - 1), axis=1)
    shares: np.ndarray = np.bincount(winner, minlength=held.shape[1]) / len(draws)
    return shares


def _tried(values: np.ndarray, label: np.ndarray) -> tuple[Fall, float, Fall]:
    """The correlation with a label, AUPRC and its lift, and how they fall when it is spoilt."""
    spoilt = [scores.spoilt(label, check, SPOILT, seed)
              for seed, check in enumerate((scores.MISSING, scores.EXTRA))]  # fmt: skip
    labels = np.concatenate([label[:, None], *spoilt], 1)
    auprc = scores.auprc(values, labels)
    falls = [_fall(one) for one in
             (scores.correlation(values, labels), scores.lift(auprc, labels))]  # fmt: skip
    return falls[0], float(auprc[0]), falls[1]


def _fall(score: np.ndarray) -> Fall:
    """How a score falls, of a label as it is and as each check spoils it in ``SPOILT`` draws."""
    own, missing, extra = score[0], score[1 : 1 + SPOILT], score[1 + SPOILT :]
    fell = [float(np.mean(own - one > FALL)) for one in (missing, extra)]
    return Fall(float(own), float(missing.mean()), float(extra.mean()), min(fell))
