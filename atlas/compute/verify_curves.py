"""Whether deletion curves are what an atlas says: drawn anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from atlas.compute.curving import curved, layer_curves
from atlas.compute.descending import pieces_of
from atlas.compute.stimuli import pixels_again
from atlas.data.curves import CURVES, UnitCurves
from atlas.data.documents import NINE
from atlas.data.records import AtlasData
from atlas.images.sources import Images
from atlas.networks.batching import Running
from atlas.networks.network import Network

NEAR = 0.02  # by which an area may differ where activations were rounded otherwise


def differences(
    folder: Path,
    facts: AtlasData,
    chosen: Mapping[str, Sequence[int]],
    network: Network,
    images: Images,
    *,
    running: Running,
) -> dict[tuple[str, int], list[str]]:
    """What differs of each unit that has curves, in words."""
    differs: dict[tuple[str, int], list[str]] = {}
    for layer, numbers in chosen.items():
        if not CURVES.path(folder, layer).is_file():
            continue
        said = {one.unit: one for one in CURVES.read(folder, layer).units if one.unit in numbers}
        units = [one for one in NINE.read(folder, layer).units if one.unit in said]
        pieces = pieces_of(network, [(layer, units)], running.slots)
        parts = [
            curved(
                network,
                piece,
                pixels_again(network, images, piece.images, cache=running.cache),
                facts.rule,
            )
            for piece in running.progress(pieces, len(pieces), "deletion curves")
        ]
        for again in layer_curves(layer, pieces, parts).units:
            differs[layer, again.unit] = _apart(again, said[again.unit])
    return differs


def _apart(again: UnitCurves, said: UnitCurves) -> list[str]:
    pairs = {
        "the area between what is kept": (again.kept_between.mean, said.kept_between.mean),
        "the area between what is left": (again.left_between.mean, said.left_between.mean),
    }
    return [
        f"{what}: {one:.3f}, not {other:.3f}"
        for what, (one, other) in pairs.items()
        if abs(one - other) > NEAR
    ]
