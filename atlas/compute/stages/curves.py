"""Deletion curves: what of an activation is there at several shares of its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.curving import curved, layer_curves
from atlas.compute.descending import Piece, pieces_of
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.curves import ALL, CURVES
from atlas.data.documents import NINE, SUMMARY, UnitNine
from atlas.data.plan import Plan

if TYPE_CHECKING:
    from atlas.compute.run import Run

FEW = 6  # units that stand for a layer, about


def run(run: Run) -> None:
    """Draw them for the units that are chosen."""
    network, rule = run.network, run.settings.rule
    chosen = run.ranks.share(_chosen(run) if run.leads else {})
    pieces = pieces_of(network, chosen.items(), run.slots)

    def work(piece: Piece) -> dict[str, np.ndarray]:
        return curved(network, piece, stimuli_of(run, piece.images), rule)

    parts = shared_work(run, pieces, work, what="deletion curves")
    if run.leads:
        for layer in chosen:
            run.write(CURVES, layer_curves(layer, pieces, parts), layer)


def _chosen(run: Run) -> dict[str, tuple[UnitNine, ...]]:
    """The winners of the units that are chosen, by layer."""
    standing = {one.layer: set(one.representative) for one in run.read(SUMMARY).layers}
    every = run.settings.curves == ALL
    return {
        layer.id: tuple(
            one
            for one in run.read(NINE, layer.id).units
            if one.nine and (every or one.unit in standing[layer.id])
        )
        for layer in run.network.choose(run.settings.layer_globs)
    }


def _estimate(plan: Plan) -> int:
    few = sum(min(layer.units, FEW) for layer in plan.layers)
    return 420 * {"all": plan.units, "representative": few}.get(plan.curves, 0)


STAGE = Stage(
    "curves",
    run,
    (CURVES,),
    needs=("nine", "summary"),
    inputs=("network", "images", "slots"),
    settings=("layers", "rule", "curves"),
    estimate=_estimate,
)
