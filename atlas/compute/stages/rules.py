"""Rules side by side: every winner reconstructed by other rules, and these tried as the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.beside import by_unit, drawn_and_tried, rules_of
from atlas.compute.descending import Piece, pieces_of
from atlas.compute.evidence_figures import evidence_of
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data import addresses, estimates
from atlas.data.beside import RULES_BESIDE, LayerRules, UnitRules
from atlas.data.documents import LAYER, NINE, RECONSTRUCTIONS, UnitNine
from atlas.data.geometry import Box
from atlas.data.records import Corners, Pair
from atlas.data.whole_files import write_whole
from atlas.drawing import pixels
from atlas.drawing.nines import nine_encoded
from atlas.evidence.control import control_twin

if TYPE_CHECKING:
    from atlas.compute.run import Run

# the winners of each layer's units, what the tiles of a unit show, and how large that is in a layer
Known = tuple[
    dict[str, tuple[UnitNine, ...]], dict[tuple[str, int], list[Corners]], dict[str, Pair]
]
NOTHING: Known = ({}, {}, {})


def run(run: Run) -> None:
    """Draw and try what they make of all units that are shown."""
    settings, network = run.settings, run.network
    layers = {
        layer.id: rules_of(network.graph, layer, settings.rule, settings.other_rules)
        for layer in network.choose(settings.layer_globs)
    }
    layers = {name: rules for name, rules in layers.items() if rules}
    if not layers:
        return
    units, boxes, shown = run.ranks.share(_known(run, list(layers)) if run.leads else NOTHING)
    control = control_twin(network.graph)
    pieces = pieces_of(network, units.items(), run.slots)

    def down(piece: Piece) -> dict[str, np.ndarray]:
        return drawn_and_tried(
            network,
            control,
            piece,
            stimuli_of(run, piece.images),
            rules=layers[piece.layer],
            boxes=[Box(*boxes[piece.layer, one.unit][one.rank]) for one in piece.places],
            tile=pixels.strip_tile(shown[piece.layer]) if settings.keeps("rules") else None,
            tried=settings.has_evidence,
            pictures=settings.pictures,
        )

    parts = shared_work(run, pieces, down, what="other rules")
    if not run.leads:
        return
    for rule in dict.fromkeys(rule for rules in layers.values() for rule in rules):
        for (layer, unit), tiles in by_unit(pieces, parts, f"{rule} tiles").items():
            path = run.folder / addresses.rule_file(layer, unit, rule)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, nine_encoded(tiles, shown[layer]))
    figures = {
        rule: by_unit(pieces, parts, f"{rule} figures")
        for rule in {rule for rules in layers.values() for rule in rules}
    }
    for layer, rules in layers.items():
        each = []
        for one in units[layer]:
            evidence = {}
            for rule in rules:
                own = figures[rule].get((layer, one.unit))
                found = evidence_of(own) if own is not None else None
                if found:
                    evidence[rule] = found
            each.append(UnitRules(one.unit, evidence))
        asked = bool(settings.other_rules)
        run.write(RULES_BESIDE, LayerRules(rules, asked, tuple(each)), layer)


def _known(run: Run, layers: list[str]) -> Known:
    """The winners of some layers' units, and what the tiles of each show, and its size."""
    units, boxes, shown = {}, {}, {}
    for layer in layers:
        units[layer] = run.read(NINE, layer).units
        shown[layer] = run.read(LAYER, layer).shown
        close = {one.unit: one.close_ups for one in run.read(RECONSTRUCTIONS, layer).units}
        for one in units[layer]:
            nominal = [winner.box for winner in one.nine]
            boxes[layer, one.unit] = list(close[one.unit] or nominal)
    return units, boxes, shown


STAGE = Stage(
    "rules",
    run,
    (RULES_BESIDE,),
    needs=("layers", "nine", "reconstructions"),
    inputs=("network", "images", "slots"),
    settings=("layers", "rule", "other_rules", "evidence", "images_policy"),
    extras=("rules",),
    files=("*/rules/*/*.webp",),
    estimate=estimates.beside,
)
