"""The first pass over the images: the record of every layer, and the facts of the images."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.noted_peaks import NotedPeaks
from atlas.compute.record_files import RECORD, write_record
from atlas.compute.stage import Stage
from atlas.data import estimates
from atlas.data.documents import IMAGES
from atlas.data.plan import Plan
from atlas.data.records import ImageFacts, SkippedImage
from atlas.evidence.peaks import MOST
from atlas.images.sources import Described, label_of, name_of
from atlas.images.stimuli import StimulusCache
from atlas.scanning.scan import Scan, first_pass
from atlas.scanning.topk import empty

if TYPE_CHECKING:
    from atlas.compute.run import Run

SEEN_BYTES = 150  # of an image, in the checkpoint


def run(run: Run) -> None:
    """Scan the images."""
    settings = run.settings
    noting = None
    if settings.has_evidence and not settings.layers:  # or the network is run further than needed
        layers = run.network.choose(settings.layer_globs)
        noting = NotedPeaks.of(
            run.scratch, run.network, layers, images=len(run.images), slots=run.slots
        ).noting
    found = first_pass(
        run.network,
        run.images,
        layers=settings.layer_globs,
        near_duplicates=settings.near_duplicates,
        statistics=settings.has_evidence,
        strict=settings.strict,
        checkpoint=run.checkpoint,
        noting=noting,
        running=run.running,
    )
    if not run.leads:
        return
    for layer, record in found.records.items():
        write_record(run.folder, layer, record)
    run.write(IMAGES, _facts(run, found))


def _facts(run: Run, found: Scan) -> ImageFacts:
    images, description = run.images, "images given in memory"
    if isinstance(images, Described):
        description = images.describe(len(images) - len(found.unread))
    aside = found.duplicates.keys() | found.unread.keys()
    different = (index for index in range(len(images)) if index not in aside)
    classes = Counter(label for index in different if (label := label_of(images, index)))
    return ImageFacts(
        description,
        len(images),
        found.images,
        tuple(sorted(classes.values())),
        found.images_hash,
        found.recoloured,
        tuple(sorted(found.duplicates.items())),
        tuple(
            SkippedImage(index, name_of(images, index), reason)
            for index, reason in sorted(found.unread.items())
        ),
    )


def _scratch(plan: Plan) -> int:
    """The records in the checkpoint, once more in its journal; the images, their stimuli, peaks."""
    unit = empty(1, plan.evidence)
    record = sum(np.asarray(getattr(unit, part.name)).nbytes for part in fields(unit))
    stimuli = min(StimulusCache.limit, 3 * plan.side[0] * plan.side[1] * plan.images)
    noted = 4 * min(MOST, plan.images * plan.scanned) if plan.evidence else 0
    return 2 * record * plan.scanned + SEEN_BYTES * plan.images + stimuli + noted


STAGE = Stage(
    "scan",
    run,
    (IMAGES,),
    inputs=("network", "images", "slots"),
    settings=("layers", "near_duplicates", "evidence"),
    files=(f"*/{RECORD}",),
    estimate=estimates.records,
    scratch=_scratch,
    any_batch=True,
)
