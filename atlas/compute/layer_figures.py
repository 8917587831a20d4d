"""Figures of a layer's units, from their plates in an atlas's folder. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from atlas.data import addresses
from atlas.data.records import LayerData
from atlas.drawing import figures
from atlas.drawing.lit import lit_plate


def panel(folder: Path, layer: LayerData, number: int, *, lit: bool = False) -> figures.Panel:
    """A unit as it stands on a figure; ``folder`` is the atlas's, ``lit`` for lit patches."""
    unit = layer.unit(number)
    with Image.open(folder / addresses.plate_file(layer.layer, number)) as plate:
        picture = plate.convert("RGBA")
    if lit:
        picture = lit_plate(layer.plate, picture, len(unit.nine))
    return figures.Panel(figures.on_paper(picture), figures.caption(layer, unit))


def write_figure(
    path: Path, folder: Path, layer: LayerData, units: Iterable[int], *, lit: bool = False
) -> None:
    """Draw units of a layer, all of which fired, as one figure: PNG or SVG by the path's ending.

    ``lit`` is for lit patches in the place of the reconstructions.
    """
    panels = [panel(folder, layer, unit, lit=lit) for unit in units]
    if path.suffix == ".png":
        path.write_bytes(figures.png(panels))
    else:
        path.write_text(figures.svg(panels, figures.title(layer, lit=lit)), "utf-8")
