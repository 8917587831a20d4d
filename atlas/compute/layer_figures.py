"""Figures of a layer's units, from their plates in an atlas's folder. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from atlas.data import addresses
from atlas.data.records import LayerData
from atlas.drawing import figures


def panel(folder: Path, layer: LayerData, unit: int) -> figures.Panel:
    """A unit as it stands on a figure; ``folder`` is the atlas's."""
    with Image.open(folder / addresses.plate_file(layer.layer, unit)) as plate:
        picture = figures.on_paper(plate.convert("RGBA"))
    return figures.Panel(picture, figures.caption(layer, layer.unit(unit)))


def write_figure(path: Path, folder: Path, layer: LayerData, units: Iterable[int]) -> None:
    """Draw units of a layer, all of which fired, as one figure: PNG or SVG by the path's ending."""
    panels = [panel(folder, layer, unit) for unit in units]
    if path.suffix == ".png":
        path.write_bytes(figures.png(panels))
    else:
        path.write_text(figures.svg(panels, figures.title(layer)), "utf-8")
