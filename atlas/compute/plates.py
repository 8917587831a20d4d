"""Plates and figures, from drawn tiles to files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from atlas.compute.tile_store import TileStore
from atlas.data import addresses, records
from atlas.drawing import figures, pixels
from atlas.runtime.progress import Progress, silent

JPEG_QUALITY = 60


def write_plates(
    layers: Iterable[records.LayerData],
    places: Mapping[str, TileStore],
    folder: Path,
    jpeg: bool,
    lean: bool = False,
    progress: Progress = silent,
) -> None:
    """Write every unit's plate, its thumbnail, and with ``jpeg`` the same for print and slides.

    Where reconstructions were tried, a plate of the twin's and of what was kept goes with it. With
    ``lean`` there is nothing but the plate, and that is smaller. Those that a build wrote before it
    was stopped are left alone.
    """
    plates = [
        (layer, unit, places[layer.layer].tiles[row], places[layer.layer].tried[row])
        for layer in layers
        for row, unit in enumerate(layer.top)
        if unit.nine
    ]

    def write(which: tuple[records.LayerData, records.Unit, np.ndarray, np.ndarray]) -> None:
        layer, unit, own, tried = which
        path = folder / addresses.plate_file(layer.layer, unit.unit)
        if path.exists():
            return  # by a build that was stopped
        picture, size = pixels.plate(layer.plate, own, len(unit.nine)), layer.receptive_field.size
        if not lean:
            _write_others(layer, unit, picture, tried, folder, jpeg)
        beside = path.with_suffix(".part")
        beside.write_bytes(pixels.encoded(picture, size, lean))
        beside.rename(path)  # last, for where it stands the unit is done

    with ThreadPoolExecutor() as pool:
        for _ in progress(pool.map(write, plates), len(plates), "drawing plates"):
            pass


def _write_others(
    layer: records.LayerData,
    unit: records.Unit,
    picture: Image.Image,
    tried: np.ndarray,
    folder: Path,
    jpeg: bool,
) -> None:
    """What goes with a unit's plate."""
    size = layer.receptive_field.size
    small = folder / addresses.thumbnail_file(layer.layer, unit.unit)
    small.parent.mkdir(exist_ok=True)
    small.write_bytes(pixels.thumbnail(picture))
    if jpeg:
        other = folder / addresses.picture_file(layer.layer, unit.unit)
        other.write_bytes(figures.jpeg(picture, JPEG_QUALITY, pixels.is_crisp(size)))
    if tried.shape[1]:
        with_it = folder / addresses.tried_file(layer.layer, unit.unit)
        with_it.parent.mkdir(exist_ok=True)
        layout = pixels.small_plate_of(size, layer.plate.patches)
        picture_of_it = pixels.plate(layout, tried, len(unit.nine))
        with_it.write_bytes(pixels.small_encoded(picture_of_it, size))


def write_figures(
    layers: Iterable[records.LayerData],
    places: Mapping[str, TileStore],
    units: Mapping[str, list[int]],
    folder: Path,
) -> None:
    """Write each layer's figure of its most representative units."""
    with ThreadPoolExecutor() as pool:
        jobs = [
            pool.submit(_write_figure, layer, places[layer.layer], units[layer.layer], folder)
            for layer in layers
        ]
        for job in jobs:
            job.result()


def _write_figure(
    layer: records.LayerData, place: TileStore, units: list[int], folder: Path
) -> None:
    """The figure of a layer's most representative units."""
    rows = {unit.unit: row for row, unit in enumerate(layer.top)}
    panels = [
        figures.Panel(
            figures.on_paper(
                pixels.plate(layer.plate, place.tiles[rows[unit]], len(layer.unit(unit).nine))
            ),
            figures.caption(layer, layer.unit(unit)),
        )
        for unit in units
    ]
    if panels:
        (folder / addresses.figure_file(layer.layer, "png")).write_bytes(figures.png(panels))
        title = figures.title(layer)
        (folder / addresses.figure_file(layer.layer, "svg")).write_text(figures.svg(panels, title))
