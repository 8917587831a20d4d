"""What the images show: classes, groups of classes, and concepts with masks, image by image."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Dataset

from atlas.compute.peak_files import read_seen
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.thing_files import write_things
from atlas.data.names import THINGS, Things
from atlas.data.plan import Plan
from atlas.errors import AtlasError
from atlas.evidence.naming.things import told_apart
from atlas.evidence.peaks import FEWEST
from atlas.images.hierarchy import read_hierarchy
from atlas.images.masks import Masks, cells_of
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import label_of
from atlas.images.stimuli import made_ahead

if TYPE_CHECKING:
    from atlas.compute.run import Run

MOST = 2_400  # images whose masks are looked at, at most
PIECE = 400  # images


def run(run: Run) -> None:
    """Look at classes and masks."""
    if not (run.settings.has_evidence and run.settings.keeps("names")):
        return
    images = run.ranks.share(read_seen(run.file("peaks")).images if run.leads else None)
    assert images is not None
    rows = annotated(images, run.masks)
    labels = [label_of(run.images, int(images[row])) for row in rows]
    pieces = [rows[first : first + PIECE] for first in range(0, len(rows), PIECE)]
    concepts: list[frozenset[str]] = []
    if run.masks is not None:
        masks, preprocessing = run.masks, run.network.preprocessing

        def look(piece: np.ndarray) -> dict[str, np.ndarray]:
            shown = made_ahead(
                _Shown(masks, preprocessing, images[piece].tolist()), run.settings.workers
            )
            return {"shown": np.array(list(shown))}

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


@dataclass(frozen=True)
class _Shown(Dataset["str | AtlasError"]):
    """The concepts in images, a line for each; an ``AtlasError`` for masks that can't be read."""

    masks: Masks
    preprocessing: Preprocessing
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> str | AtlasError:
        try:
            return "\n".join(sorted(visible(self.masks, self.preprocessing, self.indices[place])))
        except AtlasError as error:
            return error


def annotated(images: np.ndarray, masks: Masks | None) -> np.ndarray:
    """The rows of images of which all is known: at most ``MOST`` that have masks, at random."""
    if masks is None:
        return np.arange(len(images))
    known = set(masks.indices())
    rows = np.array([row for row, image in enumerate(images) if int(image) in known], np.int64)
    order = np.random.Generator(np.random.Philox(0)).permutation(len(rows))
    return rows[np.sort(order[:MOST])]


def visible(masks: Masks, preprocessing: Preprocessing, image: int) -> Collection[str]:
    """The concepts of which a cell or more is visible in an image's stimulus."""
    return [name for name, mask in masks.of(image).items() if cells_of(mask, preprocessing).any()]


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
    return plan.images * 8 + 10_000 if plan.evidence and "names" in plan.kept else 0


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
