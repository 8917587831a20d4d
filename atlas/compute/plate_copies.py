"""Other forms of every plate, made from the plates that lie in an atlas's folder."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from atlas.data import addresses
from atlas.data.documents import read_layer
from atlas.data.records import LayerData

if TYPE_CHECKING:
    from atlas.compute.run import Run

Address = Callable[[str, int], str]  # of a unit's file, by layer and number
Make = Callable[[Image.Image, LayerData], bytes]


def write_copies(run: Run, address: Address, make: Make, *, doing: str) -> None:
    """Write what ``make`` makes of each plate (RGBA) to ``address``."""
    layers = run.network.choose(run.settings.layer_globs)
    plates = [
        (known, unit.unit)
        for known in (read_layer(run.folder, layer.id) for layer in layers)
        for unit in known.top
        if unit.nine
    ]

    def write(which: tuple[LayerData, int]) -> None:
        layer, unit = which
        with Image.open(run.folder / addresses.plate_file(layer.layer, unit)) as plate:
            content = make(plate.convert("RGBA"), layer)
        path: Path = run.folder / address(layer.layer, unit)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    with ThreadPoolExecutor() as pool:
        for _ in run.progress(pool.map(write, plates), len(plates), doing):
            pass
