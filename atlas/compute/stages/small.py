"""Every plate small, as it stands beside links, so that a page with many of them is light."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from atlas.compute.plate_copies import write_copies
from atlas.compute.stage import Stage
from atlas.data import addresses, estimates
from atlas.data.records import LayerData
from atlas.drawing import pixels

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Write every plate small, too, where these are kept."""
    if run.leads and run.settings.keeps("small"):
        write_copies(run, addresses.thumbnail_file, _small, doing="drawing small plates")


def _small(plate: Image.Image, _: LayerData) -> bytes:
    return pixels.thumbnail(plate)


STAGE = Stage(
    "small",
    run,
    (),
    needs=("layers", "nine", "reconstructions"),
    inputs=("network",),
    settings=("layers",),
    extras=("small",),
    files=("*/small/*.webp",),
    estimate=estimates.thumbnails,
)
