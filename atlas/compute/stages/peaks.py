"""The strongest activation of every unit in every image, of the network and of its control twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.peak_files import write_peaks, write_seen
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES
from atlas.data.plan import Plan
from atlas.evidence import peaks
from atlas.evidence.control import control_twin
from atlas.experiments.features import features_of

if TYPE_CHECKING:
    from atlas.compute.run import Run

BATCHES = 8  # of a piece of work
OWN, TWIN = "own", "twin"


def run(run: Run) -> None:
    """Let both look at the images."""
    if not run.settings.has_evidence:
        return
    network = run.network
    layers = network.choose(run.settings.layer_globs)
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    kept = {layer.id: peaks.spread(layer.units, peaks.TWINS) for layer in layers}
    some = peaks.looked_at(usable, sum(layer.units for layer in layers))
    size = BATCHES * run.slots
    pieces = [some[first : first + size] for first in range(0, len(some), size)]
    features = features_of(network)
    rows = peaks.drawn(len(some), peaks.SHOWN_TWIN)
    twins = {some[row] for row in rows}
    twin = control_twin(network.graph)

    def look(piece: list[int]) -> dict[str, np.ndarray]:
        parts: dict[str, list[np.ndarray]] = {}
        own = [piece[first : first + run.slots] for first in range(0, len(piece), run.slots)]
        seen = [image for image in piece if image in twins]
        others = [seen[first : first + run.slots] for first in range(0, len(seen), run.slots)]
        for who, graph, images in (
            *((OWN, network.graph, one) for one in own),
            *((TWIN, twin, one) for one in others),
        ):
            found, value = peaks.peaks_of(
                graph, network, stimuli_of(run, images), layers, features.node, slots=run.slots
            )
            parts.setdefault(f"{who} features", []).append(features.of(value))
            for name, values in found.items():
                more = values if who == OWN else values[:, kept[name]]
                parts.setdefault(f"{who} {name}", []).append(more)
        return {name: np.concatenate(each) for name, each in parts.items()}

    parts = shared_work(run, pieces, look, what="peaks")
    if not run.leads:
        return

    def joined(name: str) -> np.ndarray:
        return np.concatenate([part[name] for part in parts if name in part])

    at = np.array(rows, np.int64)
    features_of_both = joined(f"{OWN} features"), joined(f"{TWIN} features")
    write_seen(run.folder, peaks.Seen(np.array(some, np.int64), *features_of_both, at))
    for layer in layers:
        both = joined(f"{OWN} {layer.id}"), joined(f"{TWIN} {layer.id}")
        write_peaks(run.folder, layer.id, peaks.LayerPeaks(*both, at))


def _estimate(plan: Plan) -> int:
    if not plan.evidence:
        return 0
    return round(1.3 * min(peaks.MOST, plan.images * plan.scanned))


STAGE = Stage(
    "peaks",
    run,
    (),
    needs=("scan",),
    inputs=("network", "images", "slots"),
    settings=("layers", "evidence"),
    files=("peaks.npz", "*/peaks.npz"),
    estimate=_estimate,
)
