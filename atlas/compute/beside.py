"""Reconstructions of winners by other rules, drawn and tried: for the stage, and to verify it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from atlas.compute.descending import Piece, descent
from atlas.compute.second_pass import projections
from atlas.data.geometry import Box
from atlas.data.records import Pair
from atlas.data.rules import RULES
from atlas.drawing import pixels
from atlas.evidence.trials import run_trials
from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction.extensions import image_free

DECONVNET, GUIDED = "deconvnet", "guided"


def rules_of(graph: Graph, layer: Layer, rule: str, others: Sequence[str]) -> tuple[str, ...]:
    """The other rules that a layer's winners go down by, where ``rule`` draws their plates.

    ``others`` are those that somebody asked for. Where nobody did, and no image enters a
    reconstruction by deconvnet, it is guided backpropagation, into which images come by every
    rectification below the layer.
    """
    if others:
        return tuple(others)
    free = rule == DECONVNET and image_free(graph, layer.node, rule)
    below = graph.below(*graph.operations[layer.node].inputs)
    is_rectified = any(isinstance(operation, ops.Nonlinearity) for operation in below)
    return (GUIDED,) if free and is_rectified else ()


def drawn_and_tried(
    network: Network,
    control: Graph,
    piece: Piece,
    stimuli: np.ndarray,
    *,
    rules: Sequence[str],
    boxes: Sequence[Box],
    tile: Pair | None,
    tried: bool,
    pictures: bool = True,
) -> dict[str, np.ndarray]:
    """What some rules make of a piece's B winners, by name.

    "RULE figures" ``[B, M]`` float32, one for each of ``MEASURES``, where they are ``tried``; and
    "RULE tiles" ``[B, h, w, 3]`` uint8, which show ``boxes``, where there is a ``tile``. Without
    ``pictures`` of the images there are none by a rule that multiplies by their pixels.
    """
    down = descent(network, control, piece, stimuli, rules)
    found: dict[str, np.ndarray] = {}
    for rule in rules:
        windows = down.by(rule)
        if tried:
            found[f"{rule} figures"] = run_trials(
                down.winners,
                windows,
                layer=down.layer,
                recording=down.recording,
                rule=rule,
                inputs=down.inputs,
            ).figures
        if tile and (pictures or not RULES[rule].holds_image):
            shown = projections(windows)
            found[f"{rule} tiles"] = np.stack([
                pixels.reconstruction(
                    shown.values[place],
                    std=network.preprocessing.std,
                    box=box,
                    size=tile,
                    corner=shown.corner(place),
                )
                for place, box in enumerate(boxes)
            ])  # fmt: skip
    return found


def by_unit(
    pieces: Sequence[Piece], parts: Sequence[Mapping[str, np.ndarray]], name: str
) -> dict[tuple[str, int], np.ndarray]:
    """One of the arrays of some pieces, parted by layer and unit, in order of rank."""
    rows: dict[tuple[str, int], list[np.ndarray]] = {}
    for piece, part in zip(pieces, parts, strict=True):
        if name in part:
            for place, row in zip(piece.places, part[name], strict=True):
                rows.setdefault((piece.layer, place.unit), []).append(row)
    return {key: np.stack(each) for key, each in rows.items()}
