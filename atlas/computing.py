"""What a build computes, written as data: scan, reconstruct, then plates, images and JSON.

The folder that comes out holds everything the pages show; rendering reads it and needs neither
the network nor the images.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from atlas import data, effective, pages, pixels
from atlas.extensions import extensions
from atlas.images import Described, Images, label_of, name_of
from atlas.network import Network
from atlas.progress import Progress, silent
from atlas.revisiting import Revisited, revisit
from atlas.scanning import BATCH, Scan, scan
from atlas.telling import telling
from atlas.topk import TopNine
from atlas.units import Layer

QUALITY = 82  # of lossy WebP


@dataclass(frozen=True)
class Settings:
    """How to compute an atlas.

    ``units`` is how many units of each layer are shown, spread evenly; None for all. ``date`` and
    ``command`` are shown as they are given.
    """

    name: str
    layers: tuple[str, ...] | None = None
    rule: str = "deconvnet"
    batch_size: int = BATCH
    workers: int = 0
    near_duplicates: int | None = None
    units: int | None = None
    date: str | None = None
    command: str = ""


def compute(
    network: Network,
    images: Images,
    folder: Path,
    settings: Settings,
    progress: Progress = silent,
) -> data.AtlasData:
    """Compute an atlas of ``network`` on ``images`` and write its data into an empty folder."""
    found = scan(
        network,
        images,
        settings.layers,
        settings.batch_size,
        settings.workers,
        settings.near_duplicates,
        progress,
    )
    chosen = {name: _some(r.units, settings.units) for name, r in found.records.items()}
    filters = {name: _pixel_filters(network, network.layer(name)) for name in found.records}
    layers = [
        _layer_data(network.layer(name), record, images, chosen[name], filters[name])
        for name, record in found.records.items()
    ]
    found = replace(
        found, records={name: r.only(chosen[name]) for name, r in found.records.items()}
    )
    for layer in layers:
        (folder / layer.layer).mkdir(parents=True, exist_ok=True)
    energies = {layer.layer: Energy.none(layer) for layer in layers}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tiles-") as scratch:
        tiles = {layer.layer: _tiles(Path(scratch), layer) for layer in layers}
        _reconstruct(network, images, found, layers, tiles, energies, folder, settings, progress)
        _write_plates(layers, tiles, folder, progress)
        tiles.clear()
    layers = [_with_effective(layer, energies[layer.layer]) for layer in layers]
    for layer in layers:
        weight = filters[layer.layer]
        if weight is not None:
            sheet = pixels.filter_sheet(weight, network.preprocessing.std)
            sheet.save(folder / pages.filters_file(layer.layer), optimize=True)
        _write(folder / pages.layer_data(layer.layer), layer.as_json())
        for unit in layer.top:
            head = {"schema": data.SCHEMA, "atlas": settings.name, "layer": layer.layer}
            _write(folder / pages.unit_data(layer.layer, unit.unit), {**head, **unit.as_json()})
    facts = _facts(network, images, found, layers, filters, settings)
    _write(folder / "atlas.json", asdict(facts))
    return facts


def _some(units: int, count: int | None) -> list[int]:
    """All units, or ``count`` of them spread evenly."""
    if count is None or count >= units:
        return list(range(units))
    return [place * units // count for place in range(count)]


def _layer_data(
    layer: Layer,
    record: TopNine,
    images: Images,
    units: list[int],
    filters: np.ndarray | None,
) -> data.LayerData:
    field = layer.field
    top = []
    for unit in units:
        nine = []
        for rank in range(record.count(unit)):
            image = int(record.image[unit, rank])
            row, column = (int(n) for n in record.position[unit, rank])
            nine.append(
                data.Winner(
                    image,
                    name_of(images, image),
                    label_of(images, image),
                    float(record.value[unit, rank]),
                    (row, column),
                    field.box(row, column).as_tuple(),
                    field.true_box(row, column).as_tuple(),
                )
            )
        top.append(data.Unit(unit, int(record.fired[unit]), tuple(nine)))
    return data.LayerData(
        layer.id,
        layer.module,
        layer.kind,
        layer.shape,
        data.ReceptiveField(field.size, field.stride, field.offset),
        record.images,
        pixels.plate_of(field.size),
        None if filters is None else pixels.filter_layout(filters.shape),
        tuple(top),
    )


def _pixel_filters(network: Network, layer: Layer) -> np.ndarray | None:
    """The filters of a layer that sees the input itself, ``[U, C, k, k]``."""
    module = dict(network.module.named_modules()).get(layer.module)
    if not isinstance(module, nn.Conv2d) or layer.field.size != module.kernel_size:
        return None
    if module.in_channels != network.preprocessing.input_shape[0] or module.groups != 1:
        return None
    return module.weight.detach().float().cpu().numpy()


def _tiles(scratch: Path, layer: data.LayerData) -> np.ndarray:
    """Room on disk for the tiles of a layer's shown units: ``[U, 9, 2, h, w, 3]`` uint8."""
    return np.lib.format.open_memmap(
        scratch / f"{layer.layer}.npy",
        mode="w+",
        dtype=np.uint8,
        shape=(len(layer.top), 9, 2, *layer.plate.tile, 3),
    )


def _reconstruct(
    network: Network,
    images: Images,
    found: Scan,
    layers: list[data.LayerData],
    tiles: dict[str, np.ndarray],
    energies: dict[str, Energy],
    folder: Path,
    settings: Settings,
    progress: Progress,
) -> None:
    visits = revisit(
        network,
        images,
        found.records,
        settings.rule,
        settings.batch_size,
        settings.workers,
        progress,
    )
    shown = {layer.layer: [unit.unit for unit in layer.top] for layer in layers}
    with ThreadPoolExecutor() as pool:
        for visit in visits:
            saved = [
                pool.submit(_save_image, folder / pages.image_file(image), stimulus)
                for image, stimulus in visit.stimuli.items()
            ]
            drawn = []
            for some in visit.found:
                drawn += [
                    pool.submit(_draw_tiles, network, some, place, tiles[some.layer.id][row])
                    for place, row in enumerate(np.searchsorted(shown[some.layer.id], some.units))
                ]
                energies[some.layer.id].include(some)
            for job in saved + drawn:
                job.result()


@dataclass(frozen=True)
class Energy:
    """Sums over each unit's winners of the gradient's energy by rows and columns of its box.

    ``rows`` ``[U, h]`` and ``columns`` ``[U, w]``, for a nominal box of h by w pixels.
    """

    rows: np.ndarray
    columns: np.ndarray

    @staticmethod
    def none(layer: data.LayerData) -> Energy:
        """Before any winner."""
        height, width = layer.receptive_field.size
        return Energy(np.zeros((layer.units, height)), np.zeros((layer.units, width)))

    def include(self, some: Revisited) -> None:
        """Add some winners."""
        for place, (unit, box) in enumerate(zip(some.units, some.boxes, strict=True)):
            corner = int(some.gradients.corners[place, 0]), int(some.gradients.corners[place, 1])
            rows, columns = effective.marginals(
                some.gradients.values[place], corner, box.as_tuple()
            )
            self.rows[unit] += rows
            self.columns[unit] += columns


def _with_effective(layer: data.LayerData, energy: Energy) -> data.LayerData:
    top = (
        replace(unit, effective=effective.box_of(energy.rows[unit.unit], energy.columns[unit.unit]))
        for unit in layer.top
    )
    return replace(layer, top=tuple(top))


def _draw_tiles(network: Network, some: Revisited, place: int, tiles: np.ndarray) -> None:
    rank, box = int(some.ranks[place]), some.boxes[place]
    std = network.preprocessing.std
    found = some.reconstructions
    corner = int(found.corners[place, 0]), int(found.corners[place, 1])
    size = (tiles.shape[2], tiles.shape[3])
    tiles[rank, 0] = pixels.reconstruction(found.values[place], std, box, size, corner)
    tiles[rank, 1] = pixels.patch(some.stimuli[place], box, size)


def _save_image(path: Path, stimulus: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(stimulus.squeeze()).save(path, quality=QUALITY)


def _write_plates(
    layers: Iterable[data.LayerData],
    tiles: dict[str, np.ndarray],
    folder: Path,
    progress: Progress,
) -> None:
    plates = [
        (layer, unit, tiles[layer.layer][row])
        for layer in layers
        for row, unit in enumerate(layer.top)
        if unit.nine
    ]

    def write(which: tuple[data.LayerData, data.Unit, np.ndarray]) -> None:
        layer, unit, own = which
        picture = pixels.plate(layer.plate, own, len(unit.nine))
        crisp = pixels.is_crisp(layer.receptive_field.size)
        picture.save(
            folder / pages.plate_file(layer.layer, unit.unit),
            lossless=crisp,
            quality=50 if crisp else QUALITY,
            method=3,
        )

    with ThreadPoolExecutor() as pool:
        for _ in progress(pool.map(write, plates), len(plates), "drawing plates"):
            pass


def _facts(
    network: Network,
    images: Images,
    found: Scan,
    layers: list[data.LayerData],
    filters: dict[str, np.ndarray | None],
    settings: Settings,
) -> data.AtlasData:
    from atlas import __version__

    labels = {label_of(images, index) for index in range(len(images))} - {None}
    what = images.description if isinstance(images, Described) else "images given in memory"
    return data.AtlasData(
        name=settings.name,
        program=__version__,
        network={
            "name": network.name,
            "weights": network.weights,
            "weights_hash": network.weights_hash,
            "missing": list(network.missing),
            "parameters": sum(p.numel() for p in network.module.parameters()),
        },
        preprocessing=network.preprocessing.as_dict(),
        images={
            "description": what,
            "count": len(images),
            "different": found.images,
            "classes": len(labels),
            "hash": found.images_hash,
            "recoloured": found.recoloured,
            "near_duplicates": settings.near_duplicates,
            "duplicates": [list(pair) for pair in sorted(found.duplicates.items())],
        },
        rule=settings.rule,
        extensions=extensions(network.graph),
        command=settings.command,
        date=settings.date,
        layers=tuple(layer.layer for layer in layers),
        summary=[_summary(layer, filters[layer.layer]) for layer in layers],
    )


def _summary(layer: data.LayerData, filters: np.ndarray | None) -> dict[str, Any]:
    return {
        "layer": layer.layer,
        "module": layer.module,
        "kind": layer.kind,
        "units": layer.units,
        "shown": len(layer.top),
        "shape": list(layer.shape),
        "receptive_field": asdict(layer.receptive_field),
        "dead": layer.dead,
        "telling": list(telling(layer, filters)),
    }


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(data.dumps(value), "utf-8")
