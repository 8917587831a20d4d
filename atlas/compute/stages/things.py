"""What the images show: classes, groups of classes, and concepts with masks, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Dataset

from atlas.compute.peak_files import read_seen
from atlas.compute.peaking import pieces_of
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.thing_files import write_things
from atlas.data.names import THINGS, Things
from atlas.data.plan import Plan
from atlas.errors import AtlasError
from atlas.evidence.concepts import MaskCells
from atlas.evidence.naming.things import told_apart
from atlas.evidence.peaks import FEWEST, drawn
from atlas.images.hierarchy import read_hierarchy
from atlas.images.masks import Masks
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import label_of
from atlas.images.stimuli import made_ahead

if TYPE_CHECKING:
    from atlas.compute.run import Run

MOST = 2_400  # images whose masks are looked at, at most
PIECE = 400  # images


def run(run: Run) -> None:
    """Look at classes and masks."""
    if not run.settings.has_names:
        return
    images = run.ranks.share(read_seen(run.file("peaks")).images if run.leads else None)
    assert images is not None
    rows = annotated(images, run.masks)
    labels = [label_of(run.images, int(images[row])) for row in rows]
    pieces = pieces_of(rows.tolist(), PIECE)
    concepts: list[frozenset[str]] = []
    if run.masks is not None:
        masks, preprocessing = run.masks, run.network.preprocessing

        def look(piece: list[int]) -> dict[str, np.ndarray]:
            shown = visible(masks, preprocessing, images[piece].tolist(), run.settings.workers)
            return {"shown": np.array(["\n".join(sorted(one)) for one in shown])}

        parts = shared_work(run, pieces, look, what="things")
        concepts = [frozenset(filter(None, str(one).split("\n")))
                    for part in parts for one in part["shown"]]  # fmt: skip
    groups: dict[str, frozenset[str]] = {}
    if run.settings.hierarchy:
        groups = read_hierarchy(run.settings.hierarchy, filter(None, labels))
    if not run.leads:
        return
    things, columns = told_apart(labels, groups, concepts)
    reason = why_not(len(rows), len(things))
    run.write(THINGS, Things(len(rows), tuple(things), reason))
    write_things(run.folder, rows, columns)


def annotated(images: np.ndarray, masks: Masks | None) -> np.ndarray:
    """The rows of images of which all is known: at most ``MOST`` that have masks, at random."""
    if masks is None:
        return np.arange(len(images))
    known = set(masks.indices())
    rows = np.array([row for row, image in enumerate(images) if int(image) in known], np.int64)
    return rows[drawn(len(rows), MOST)]


def visible(
    masks: Masks, preprocessing: Preprocessing, images: Sequence[int], workers: int
) -> list[frozenset[str]]:
    """The concepts of which a cell or more is visible in each image's stimulus."""
    return list(made_ahead(_Names(MaskCells(masks, preprocessing, images)), workers))


@dataclass(frozen=True)
class _Names(Dataset["frozenset[str] | AtlasError"]):
    """The concepts alone: a worker needn't hand over where in the image they are."""

    cells: MaskCells

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, place: int) -> frozenset[str] | AtlasError:
        found = self.cells[place]
        return found if isinstance(found, AtlasError) else frozenset(found)


def why_not(images: int, things: int) -> str:
    """Why units can't be named; "" where they can."""
    if images < FEWEST:
        return f"{images} images are too few to tell what a unit follows; {FEWEST} are needed"
    if not things:
        return (
            "nothing is known of what several images show: no class has enough of them, and there "
            "are no masks of concepts"
        )
    return ""


def _estimate(plan: Plan) -> int:
    return plan.images * 8 + 10_000 if plan.names else 0


STAGE = Stage(
    "things",
    run,
    (THINGS,),
    needs=("peaks",),
    inputs=("network", "images", "masks", "hierarchy"),
    settings=("evidence", "hierarchy"),
    extras=("names",),
    files=("things.npz",),
    estimate=_estimate,
)
