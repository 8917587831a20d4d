"""The whole images of all winners, as the network saw them."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from atlas.compute.stage import Stage
from atlas.data import addresses, estimates
from atlas.data.documents import NINE
from atlas.images.stimuli import stimuli

if TYPE_CHECKING:
    from atlas.compute.run import Run

QUALITY = 82  # of a stimulus as lossy WebP
AHEAD = 64  # images that wait to be written, at most


def run(run: Run) -> None:
    """Write each image that is among any unit's nine, where images are kept and may be shown."""
    if not run.leads or not (run.settings.pictures and run.settings.keeps("images")):
        return
    layers = run.network.choose(run.settings.layer_globs)
    units = (unit for layer in layers for unit in run.read(NINE, layer.id).units)
    wanted = sorted({winner.image for unit in units for winner in unit.nine})
    source = stimuli(
        run.images,
        run.network.preprocessing,
        wanted,
        workers=run.settings.workers,
        cache=run.cache,
        again=True,
    )
    with ThreadPoolExecutor() as pool:
        jobs: deque[Future[None]] = deque()
        for one in run.progress(source, len(wanted), "writing images"):
            path = run.folder / addresses.image_file(one.index)
            jobs.append(pool.submit(_save, path, one.pixels))
            if len(jobs) > AHEAD:
                jobs.popleft().result()
        for job in jobs:
            job.result()


def _save(path: Path, stimulus: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(stimulus.squeeze()).save(path, quality=QUALITY)


STAGE = Stage(
    "stimuli",
    run,
    (),
    needs=("nine",),
    inputs=("network", "images"),
    settings=("layers", "images_policy"),
    extras=("images",),
    files=("images/*/*.webp",),
    estimate=estimates.images,
)
