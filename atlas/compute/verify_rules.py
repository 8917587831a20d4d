"""Whether other rules' reconstructions look and fare as an atlas says: drawn and tried anew."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from atlas.compute.beside import by_unit, drawn_and_tried
from atlas.compute.descending import pieces_of
from atlas.compute.evidence_figures import evidence_of
from atlas.compute.same_picture import looks_like
from atlas.compute.stimuli import pixels_again
from atlas.data import addresses
from atlas.data.beside import RULES_BESIDE
from atlas.data.documents import LAYER, NINE, RECONSTRUCTIONS, UnitNine
from atlas.data.geometry import Box
from atlas.data.measures import MEASURES, mean
from atlas.data.records import AtlasData, Corners, Evidence, Pair
from atlas.drawing import pixels
from atlas.drawing.nines import SIDE, nine_encoded
from atlas.evidence.control import control_twin
from atlas.images.sources import Images
from atlas.networks.batching import Running
from atlas.networks.network import Network

NEAR = 0.02  # by which a mean over the nine may differ where activations were rounded otherwise


def differences(
    folder: Path,
    facts: AtlasData,
    chosen: Mapping[str, Sequence[int]],
    network: Network,
    images: Images,
    *,
    running: Running,
) -> dict[tuple[str, int], list[str]]:
    """What differs of each unit, in words; nothing of layers without other rules."""
    differs: dict[tuple[str, int], list[str]] = {}
    has = {layer for layer in chosen if RULES_BESIDE.path(folder, layer).is_file()}
    drawn, tried = facts.keeps("rules"), facts.settings["evidence"] == "all"
    if not has or not (drawn or tried):
        return differs
    control = control_twin(network.graph)
    for layer, numbers in chosen.items():
        if layer not in has:
            continue
        said = RULES_BESIDE.read(folder, layer)
        units = [one for one in NINE.read(folder, layer).units if one.unit in numbers]
        pieces = pieces_of(network, [(layer, units)], running.slots)
        shown, boxes = LAYER.read(folder, layer).shown, _boxes(folder, layer, units)
        parts = [
            drawn_and_tried(
                network,
                control,
                piece,
                pixels_again(network, images, piece.images, cache=running.cache),
                rules=said.rules,
                boxes=[Box(*boxes[one.unit][one.rank]) for one in piece.places],
                tile=pixels.strip_tile(shown) if drawn else None,
                tried=tried,
                pictures=facts.pictures,
            )
            for piece in running.progress(pieces, len(pieces), "other rules")
        ]
        for rule in said.rules:
            for (_, unit), figures in by_unit(pieces, parts, f"{rule} figures").items():
                own = said.of(unit)
                again = evidence_of(figures) or {}
                known = own.evidence.get(rule, {}) if own else {}
                differs.setdefault((layer, unit), []).extend(_apart(rule, again, known))
            for (_, unit), tiles in by_unit(pieces, parts, f"{rule} tiles").items():
                path = folder / addresses.rule_file(layer, unit, rule)
                told = _unlike(path, tiles, shown)
                differs.setdefault((layer, unit), []).extend(f"{one} by {rule}" for one in told)
    return differs


def _boxes(folder: Path, layer: str, units: Sequence[UnitNine]) -> dict[int, Sequence[Corners]]:
    """What the tiles of each unit show."""
    close = {one.unit: one.close_ups for one in RECONSTRUCTIONS.read(folder, layer).units}
    return {one.unit: close[one.unit] or [winner.box for winner in one.nine] for one in units}


def _unlike(path: Path, tiles: np.ndarray, shown: Pair) -> list[str]:
    """Which pictures of the sheet in a file are not these tiles ``[N, h, w, 3]``.

    They are compared as the same compression leaves them.
    """
    if not path.is_file():
        return ["there is no sheet"]
    again = io.BytesIO(nine_encoded(tiles, shown))
    with Image.open(path) as one, Image.open(again) as other:
        found, wanted = (np.asarray(some.convert("RGB"), float) for some in (one, other))
    if found.shape != wanted.shape:
        return ["the sheet has another size"]
    height, width = tiles.shape[1:3]
    crisp = pixels.is_small_without_loss(shown)
    differs = []
    for rank in range(len(tiles)):
        row, column = divmod(rank, SIDE)
        part = (
            slice(row * height, (row + 1) * height),
            slice(column * width, (column + 1) * width),
        )
        if not looks_like(found[part], wanted[part], crisp=crisp):
            differs.append(f"the reconstruction of no. {rank + 1}")
    return differs


def _apart(rule: str, again: Evidence, said: Evidence) -> list[str]:
    found = []
    for measure in MEASURES:
        one, other = mean(again.get(measure.name, ())), mean(said.get(measure.name, ()))
        if (one is None) != (other is None) or abs((one or 0) - (other or 0)) > NEAR:
            found.append(f"{measure.name} by {rule}: {one}, not {other}")
    return found
