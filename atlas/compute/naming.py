"""The names of a layer's units, as documents have them: for the stage, and to verify them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from atlas.data.names import CONCEPT, Fall, LayerNames, Thing, UnitName, words
from atlas.data.rounding import rounded
from atlas.evidence.naming.judging import Judged, judge
from atlas.evidence.peaks import LayerPeaks


def named(
    peaks: LayerPeaks,
    labels: np.ndarray,
    units: Sequence[int],
    *,
    things: Sequence[Thing],
    overlaps: Mapping[int, Mapping[str, float]],
) -> LayerNames:
    """The names of some units, by the peaks and labels of the same images.

    ``overlaps`` are known overlaps of areas with concepts, by unit.
    """
    judgement = judge(peaks, labels, units)
    return LayerNames(
        len(labels),
        rounded(judgement.twin),
        tuple(_name(unit, judgement.units[unit], things, overlaps.get(unit, {})) for unit in units),
    )


def _name(
    unit: int, judged: Judged, things: Sequence[Thing], overlaps: Mapping[str, float]
) -> UnitName:
    iou = None
    if len(judged.form) == 1:
        thing = things[judged.form[0][1]]
        known = [overlaps[name] for name in (thing.name, *thing.also) if name in overlaps]
        iou = known[0] if known and (thing.kind == CONCEPT or thing.also) else None
    return UnitName(
        unit,
        judged.form,
        words(judged.form, things),
        judged.doubt,
        size=judged.size,
        auc=rounded(judged.auc),
        p=rounded(judged.p),
        steady=rounded(judged.steady),
        pearson=_fall(judged.pearson),
        auprc=rounded(judged.auprc),
        lift=_fall(judged.lift),
        iou=iou,
        rivals=tuple((words(form, things), rounded(r)) for form, r in judged.rivals),
    )


def _fall(exact: Fall) -> Fall:
    return Fall(*(rounded(one) for one in
                  (exact.score, exact.missing, exact.extra, exact.surely)))  # fmt: skip
