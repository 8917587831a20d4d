"""The second pass: every winner reconstructed, tried and drawn on plates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.evidence_figures import evidence_of
from atlas.compute.plates import write_plates
from atlas.compute.second_pass import revisit
from atlas.compute.stage import Stage
from atlas.compute.tile_store import ShownLayer, TileStore, bytes_of_unit, draw
from atlas.data import estimates
from atlas.data.documents import (
    CLOSE_UPS,
    LAYER,
    NINE,
    RECONSTRUCTIONS,
    PerUnit,
    UnitReconstructions,
)
from atlas.data.plan import Plan
from atlas.drawing import pixels
from atlas.evidence.control import control_twin
from atlas.reconstruction import effective
from atlas.scanning.topk import TopNine

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Reconstruct the winners of all units that are shown, and draw their plates."""
    settings, network = run.settings, run.network
    shown, records = run.ranks.share(_winners(run) if run.leads else ({}, {}))
    visits = revisit(
        network,
        run.images,
        records,
        settings.rule,
        running=run.running,
        after=run.ranks.share(run.checkpoint["visited"] or 0),
        control=control_twin(network.graph) if settings.has_evidence else None,
    )
    stores = {}
    if run.leads:
        stores = {
            name: TileStore.of(layer, run.scratch, settings.has_evidence)
            for name, layer in shown.items()
        }
    std = network.preprocessing.std
    draw(visits, shown, stores, std=std, checkpoint=run.checkpoint, ranks=run.ranks)
    if not run.leads:
        return
    for name, layer in shown.items():
        run.write(RECONSTRUCTIONS, PerUnit(_results(layer, stores[name])), name)
    write_plates(
        shown.values(),
        stores,
        run.folder,
        sharp=settings.keeps("sharp"),
        tried=settings.keeps("trials"),
        checkpoint=run.checkpoint,
        progress=run.progress,
    )


def _winners(run: Run) -> tuple[dict[str, ShownLayer], dict[str, TopNine]]:
    """The layers with their units that are shown, and the records of their winners alone."""
    shown, records = {}, {}
    for layer in run.network.choose(run.settings.layer_globs):
        facts, units = run.read(LAYER, layer.id), run.read(NINE, layer.id).units
        close = run.read(CLOSE_UPS, layer.id).units if facts.close_up else ()
        own = ShownLayer(facts, units, close)
        shown[layer.id] = own
        records[layer.id] = run.record(layer.id).only([one.unit for one in own.units]).bare()
    return shown, records


def _results(layer: ShownLayer, store: TileStore) -> tuple[UnitReconstructions, ...]:
    """What the second pass came to for each unit, beside pictures."""
    height = layer.facts.receptive_field.size[0]
    results = []
    for row, unit in enumerate(layer.units):
        nine = slice(len(unit.nine))
        energy = store.energies[row, nine].sum(0, dtype=np.float64)
        box = effective.box_of(energy[:height], energy[height:])
        evidence = evidence_of(store.figures[row, nine]) if unit.nine else None
        is_close = bool(layer.close_ups) and layer.close_ups[row].side is not None
        close = tuple(map(tuple, store.boxes[row, nine].tolist())) if is_close else ()
        results.append(UnitReconstructions(unit.unit, box, evidence, close))
    return tuple(results)


def _scratch(plan: Plan) -> int:
    """The tiles before they are drawn."""
    return sum(
        layer.units
        * bytes_of_unit(
            layer.size,
            layer.shown,
            pixels.plate_of(layer.shown, plan.pictures).tile,
            plan.evidence,
        )
        for layer in plan.layers
    )


STAGE = Stage(
    "reconstructions",
    run,
    (RECONSTRUCTIONS,),
    needs=("scan", "layers", "nine", "close_ups"),
    inputs=("network", "images", "slots"),
    settings=("layers", "rule", "evidence", "images_policy"),
    extras=("sharp", "trials"),
    files=("*/[0-9]*.webp", "*/tried/*.webp"),
    estimate=estimates.reconstructions,
    scratch=_scratch,
)
