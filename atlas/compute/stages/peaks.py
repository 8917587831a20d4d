"""The strongest activation of every unit in every image, of the network and of its control twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.compute.noted_peaks import NotedPeaks
from atlas.compute.peak_files import write_peaks, write_seen
from atlas.compute.peaking import Peaking, pieces_of
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES
from atlas.data.plan import Plan
from atlas.evidence import peaks

if TYPE_CHECKING:
    from atlas.compute.run import Run

BATCHES = 8  # of a piece of work


def run(run: Run) -> None:
    """Let both look at the images."""
    if not run.settings.has_names:
        return
    network = run.network
    layers = network.choose(run.settings.layer_globs)
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    if not usable:
        return
    peaking = Peaking.of(network, layers, usable, sum(layer.units for layer in layers))
    noted = NotedPeaks.of(
        run.scratch_of("scan"), network, layers, images=len(run.images), slots=run.slots
    )
    look = peaking.looking(lambda some: stimuli_of(run, some), run.slots, noted.get)
    parts = shared_work(run, pieces_of(peaking.images, BATCHES * run.slots), look, what="peaks")
    if not run.leads:
        return
    seen, of_layers = peaking.together(parts)
    write_seen(run.folder, seen)
    for layer, own in of_layers.items():
        write_peaks(run.folder, layer, own)


def _estimate(plan: Plan) -> int:
    if not plan.names:
        return 0
    return round(1.5 * min(peaks.MOST, plan.images * plan.scanned))


STAGE = Stage(
    "peaks",
    run,
    (),
    needs=("scan",),
    inputs=("network", "images", "slots"),
    settings=("layers", "evidence"),
    extras=("names",),
    files=("peaks.npz", "*/peaks.npz"),
    estimate=_estimate,
)
