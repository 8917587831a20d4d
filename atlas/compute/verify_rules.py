"""Whether other rules' reconstructions fare as an atlas says: tried anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from atlas.compute.beside import by_unit, drawn_and_tried
from atlas.compute.descending import Piece, pieces_of
from atlas.compute.evidence_figures import evidence_of
from atlas.data.beside import RULES_BESIDE
from atlas.data.documents import NINE
from atlas.data.measures import MEASURES, mean
from atlas.data.records import AtlasData, Evidence
from atlas.evidence.control import control_twin
from atlas.images.sources import Images
from atlas.images.stimuli import stimuli
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
    control = control_twin(network.graph) if facts.settings["evidence"] == "all" else None
    for layer, numbers in chosen.items():
        if control is None or not RULES_BESIDE.path(folder, layer).is_file():
            continue
        said = RULES_BESIDE.read(folder, layer)
        units = [one for one in NINE.read(folder, layer).units if one.unit in set(numbers)]

        pieces = pieces_of(network, [(layer, units)], running.slots)
        parts = [
            drawn_and_tried(
                network,
                control,
                piece,
                _pixels(network, images, piece),
                rules=said.rules,
                boxes=(),
                tile=None,
                tried=True,
            )
            for piece in running.progress(pieces, len(pieces), "other rules")
        ]
        for rule in said.rules:
            for (_, unit), figures in by_unit(pieces, parts, f"{rule} figures").items():
                own = said.of(unit)
                again = evidence_of(figures) or {}
                known = own.evidence.get(rule, {}) if own else {}
                differs.setdefault((layer, unit), []).extend(_apart(rule, again, known))
    return differs


def _pixels(network: Network, images: Images, piece: Piece) -> np.ndarray:
    source = stimuli(images, network.preprocessing, piece.images, again=True)
    return np.stack([one.pixels for one in source])


def _apart(rule: str, again: Evidence, said: Evidence) -> list[str]:
    found = []
    for measure in MEASURES:
        one, other = mean(again.get(measure.name, ())), mean(said.get(measure.name, ()))
        if (one is None) != (other is None) or abs((one or 0) - (other or 0)) > NEAR:
            found.append(f"{measure.name} by {rule}: {one}, not {other}")
    return found
