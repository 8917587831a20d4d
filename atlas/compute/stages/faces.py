"""One thing or several: whether the strongest images of a unit fall into two groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.facing import Shown, faced, usual_of
from atlas.compute.peak_files import read_peaks, read_seen
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.compute.thing_files import read_things
from atlas.data.documents import NINE
from atlas.data.faces import FACES, GRID, SIDE, cell, faces_file
from atlas.data.names import THINGS
from atlas.data.plan import Plan
from atlas.data.whole_files import write_whole
from atlas.drawing import sheets
from atlas.evidence.faces import directions
from atlas.evidence.peaks import FEWEST

if TYPE_CHECKING:
    from atlas.compute.run import Run

LIMIT, SHEET = 24_000, 21_000  # bytes of a sheet of both faces: at most, and usually
# the share of units that have two faces, by the images: of few, the strongest have less in common
TWO_BY_IMAGES = {100: 0.58, 150: 0.42, 250: 0.13, 500: 0.07}


def run(run: Run) -> None:
    """Part them, and draw both groups where two stand out."""
    if not run.settings.has_names:
        return
    two: list[tuple[str, int, list[tuple[int, ...]]]] = []
    if run.leads:
        two = _find(run)
    two = run.ranks.share(two)
    if not (run.settings.pictures and run.settings.keeps("strips")):
        return

    def draw(piece: tuple[str, int, list[tuple[int, ...]]]) -> dict[str, np.ndarray]:
        pictures, cells = [], []
        for face, images in enumerate(piece[2]):
            pictures += [sheets.small(one, SIDE) for one in stimuli_of(run, images)]
            cells += [cell(face, rank) for rank in range(len(images))]
        content = sheets.sheet(pictures, cells, grid=GRID, limit=LIMIT)
        return {"sheet": np.frombuffer(content, np.uint8)}

    parts = shared_work(run, two, draw, what="faces")
    for (layer, unit, _), part in zip(two, parts, strict=False):
        path = run.folder / faces_file(layer, unit)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, part["sheet"].tobytes())


def _find(run: Run) -> list[tuple[str, int, list[tuple[int, ...]]]]:
    """Write what the layers' units come to; those with two faces, and the faces' images."""
    seen, things = read_seen(run.file("peaks")), run.read(THINGS)
    if len(seen.images) < FEWEST:
        return []
    rows, labels = read_things(run.file("things"))
    shown = Shown(seen.images, directions(seen.features), rows, labels, things.things)
    usual, of = usual_of(shown)
    two = []
    for layer in run.network.choose(run.settings.layer_globs):
        units = [one.unit for one in run.read(NINE, layer.id).units]
        found = faced(read_peaks(run.file("peaks", layer.id)).own, units, shown, usual, of)
        run.write(FACES, found, layer.id)
        two += [(layer.id, one.unit, [face.images for face in one.faces])
                for one in found.units if one.faces]  # fmt: skip
    return two


def _estimate(plan: Plan) -> int:
    if not plan.names or plan.images < FEWEST:
        return 0
    two = float(np.interp(plan.images, [*TWO_BY_IMAGES], [*TWO_BY_IMAGES.values()]))
    drawn = plan.pictures and "strips" in plan.kept
    return round(plan.units * (120 + (two * SHEET if drawn else 0)))


STAGE = Stage(
    "faces",
    run,
    (FACES,),
    needs=("peaks", "things", "nine"),
    inputs=("network", "images"),
    settings=("layers", "evidence", "images_policy"),
    extras=("names", "strips"),
    files=("*/faces/*.webp",),
    estimate=_estimate,
)
