"""Would a person tell: a machine's answers to the question that the nine pose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.peak_files import read_peaks, read_seen
from atlas.compute.peaking import pieces_of
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.compute.told import pixels_of, told
from atlas.data.documents import NINE
from atlas.data.plan import Plan
from atlas.data.telling import TELLING
from atlas.evidence.faces import directions
from atlas.evidence.peaks import FEWEST

if TYPE_CHECKING:
    from atlas.compute.run import Run

PIECE = 400  # images


def run(run: Run) -> None:
    """Ask about all units that are shown."""
    if not (run.settings.has_evidence and run.settings.keeps("names")):
        return
    seen = read_seen(run.file("peaks")) if run.leads else None
    images = run.ranks.share(seen.images.tolist() if seen else [])
    if len(images) < FEWEST:
        return
    pieces = pieces_of(images, PIECE)

    def look(piece: list[int]) -> dict[str, np.ndarray]:
        return {"pixels": pixels_of(stimuli_of(run, piece))}

    parts = shared_work(run, pieces, look, what="telling")
    if seen is None:
        return
    pixels = directions(np.concatenate([part["pixels"] for part in parts]))
    own, twin = (directions(seen.features), pixels), (directions(seen.twin), pixels[seen.rows])
    for layer in run.network.choose(run.settings.layer_globs):
        units = [one.unit for one in run.read(NINE, layer.id).units]
        peaks = read_peaks(run.file("peaks", layer.id))
        run.write(TELLING, told(peaks, units, own, twin), layer.id)


def _estimate(plan: Plan) -> int:
    return plan.units * 45 if plan.evidence and "names" in plan.kept else 0


STAGE = Stage(
    "telling",
    run,
    (TELLING,),
    needs=("peaks", "nine"),
    inputs=("network", "images"),
    settings=("layers", "evidence"),
    extras=("names",),
    estimate=_estimate,
)
