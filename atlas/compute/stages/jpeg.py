"""Every plate as JPEG, for LaTeX, slides and link previews. No page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from atlas.compute.plate_copies import write_copies
from atlas.compute.stage import Stage
from atlas.data import addresses, estimates
from atlas.data.records import LayerData
from atlas.drawing import figures, pixels

if TYPE_CHECKING:
    from atlas.compute.run import Run

QUALITY = 60


def run(run: Run) -> None:
    """Write every plate as JPEG, too, where these are kept."""
    if run.leads and run.settings.keeps("jpeg"):
        write_copies(run, addresses.picture_file, _jpeg, doing="writing JPEG")


def _jpeg(plate: Image.Image, layer: LayerData) -> bytes:
    return figures.jpeg(plate, quality=QUALITY, sharp=pixels.is_crisp(layer.shown))


STAGE = Stage(
    "jpeg",
    run,
    (),
    needs=("layers", "nine", "reconstructions"),
    inputs=("network",),
    settings=("layers",),
    extras=("jpeg",),
    files=("*/[0-9]*.jpg",),
    estimate=estimates.jpegs,
)
