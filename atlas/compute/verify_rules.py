"""Whether other rules' reconstructions fare as an atlas says: tried anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from atlas.compute.beside import by_unit, drawn_and_tried
from atlas.compute.descending import pieces_of
from atlas.compute.evidence_figures import evidence_of
from atlas.compute.stimuli import pixels_again
from atlas.data.beside import RULES_BESIDE
from atlas.data.documents import NINE
from atlas.data.measures import MEASURES, mean
from atlas.data.records import AtlasData, Evidence
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
    if not has or facts.settings["evidence"] != "all":
        return differs
    control = control_twin(network.graph)
    for layer, numbers in chosen.items():
        if layer not in has:
            continue
        said = RULES_BESIDE.read(folder, layer)
        units = [one for one in NINE.read(folder, layer).units if one.unit in numbers]
        pieces = pieces_of(network, [(layer, units)], running.slots)
        parts = [
            drawn_and_tried(
                network,
                control,
                piece,
                pixels_again(network, images, piece.images, cache=running.cache),
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


def _apart(rule: str, again: Evidence, said: Evidence) -> list[str]:
    found = []
    for measure in MEASURES:
        one, other = mean(again.get(measure.name, ())), mean(said.get(measure.name, ()))
        if (one is None) != (other is None) or abs((one or 0) - (other or 0)) > NEAR:
            found.append(f"{measure.name} by {rule}: {one}, not {other}")
    return found
