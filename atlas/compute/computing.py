"""What a build computes, written as data: scan, reconstruct, then plates, images and JSON.

The folder that comes out holds everything the pages show; rendering reads it and needs neither
the network nor the images.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from atlas.compute import examples
from atlas.compute.facts import facts_of
from atlas.compute.plates import write_figures, write_plates
from atlas.compute.second_pass import revisit
from atlas.compute.tile_store import TileStore, draw
from atlas.data import addresses, levels, records
from atlas.data.settings import Settings
from atlas.drawing import pixels
from atlas.evidence import concepts
from atlas.evidence.control import control_twin
from atlas.images.masks import Masks
from atlas.images.sources import Images, StimulusCache
from atlas.networks.connections import Connection, connections
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction import effective
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.progress import Progress, silent
from atlas.runtime.ranks import ALONE, Ranks
from atlas.scanning import sketching
from atlas.scanning.scan import Scan, scan
from atlas.scanning.topk import TopNine


def compute(
    network: Network,
    images: Images,
    folder: Path,
    settings: Settings,
    progress: Progress = silent,
    scratch: Path | None = None,
    ranks: Ranks = ALONE,
    masks: Masks | None = None,
    made_from: str = "",
) -> records.AtlasData | None:
    """Compute an atlas of ``network`` on ``images`` and write its data into a folder.

    ``scratch`` is a folder that keeps what was found on the way: a build that was stopped at any
    moment goes on there, if it is given the same again. None for one that is gone afterwards.
    ``masks`` say where concepts are in some of the images, so that units can be named for them.
    ``made_from`` is the fingerprint to be kept.
    Only rank 0 of ``ranks`` writes into ``folder`` and returns the atlas's facts.
    """
    with ExitStack() as stack:
        if scratch is None:
            beside = tempfile.TemporaryDirectory(dir=folder.parent, prefix=".scratch-")
            scratch = Path(stack.enter_context(beside))
        checkpoint = stack.enter_context(
            closing(Checkpoint(scratch / "state.sqlite" if ranks.leads else None))
        )
        kept = StimulusCache(ranks.share(scratch) / "stimuli.bin", _frame(network))
        found = scan(
            network,
            images,
            settings.layer_globs,
            settings.batch_size,
            settings.workers,
            settings.near_duplicates,
            progress,
            checkpoint,
            kept,
            ranks,
            settings.has_evidence,
        )
        named = None
        if masks and settings.has_evidence:
            named = _named(
                network, images, masks, found, settings, progress, checkpoint, kept, ranks
            )
        layers, found, filters = _layers(network, images, found, settings)
        visits = revisit(
            network,
            images,
            found.records,
            settings.rule,
            settings.batch_size,
            settings.workers,
            progress,
            ranks.share(checkpoint["visited"] or 0),
            kept,
            ranks,
            control_twin(network.graph) if settings.has_evidence else None,
        )
        places = {}
        if ranks.leads:
            for layer in layers:
                (folder / layer.layer).mkdir(parents=True, exist_ok=True)
            places = {
                layer.layer: TileStore.of(layer, scratch, settings.has_evidence) for layer in layers
            }
        by_name = {layer.layer: layer for layer in layers}
        pictures = folder if settings.stimuli else None
        draw(network, by_name, visits, pictures, places, checkpoint, ranks)
        if not ranks.leads:
            return None
        layers = _connected(network, layers, found.records)
        if named:
            layers = [_with_concepts(layer, named["labels"]) for layer in layers]
        layers = [_with_found(layer, places[layer.layer]) for layer in layers]
        write_plates(layers, places, folder, settings.jpeg, settings.lean, progress)
        facts = facts_of(
            network, images, found, layers, filters, settings, named and named["facts"], made_from
        )
        representative_units = {
            summary["layer"]: summary["representative"] for summary in facts.summary
        }
        write_figures(layers, places, representative_units, folder)
        if settings.stimuli and settings.has_evidence:
            examples.write_strips(
                layers, images, network.preprocessing, folder, scratch, settings.workers, kept
            )
        places.clear()
        _write_data(network, layers, filters, folder, settings)
        _write(folder / "atlas.json", asdict(facts))
        return facts


def _frame(network: Network) -> tuple[int, int, int]:
    channels, height, width = network.preprocessing.input_shape
    return height, width, channels


def _layers(
    network: Network, images: Images, found: Scan, settings: Settings
) -> tuple[list[records.LayerData], Scan, dict[str, np.ndarray | None]]:
    """The layers' data, the scan with the winners that are shown, and filters that see pixels."""
    chosen = {name: _some(r.units, settings.units) for name, r in found.records.items()}
    filters = {name: _pixel_filters(network, network.layer(name)) for name in found.records}
    layers = [
        _layer_data(network.layer(name), record, images, chosen[name], filters[name], settings)
        for name, record in found.records.items()
    ]
    records = {name: r.only(chosen[name]) for name, r in found.records.items()}
    return layers, replace(found, records=records), filters


def _write_data(
    network: Network,
    layers: list[records.LayerData],
    filters: dict[str, np.ndarray | None],
    folder: Path,
    settings: Settings,
) -> None:
    for layer in layers:
        weight = filters[layer.layer]
        if weight is not None:
            sheet = pixels.filter_sheet(weight, network.preprocessing.std)
            sheet.save(folder / addresses.filters_file(layer.layer), optimize=True)
        _write(folder / addresses.layer_data(layer.layer), layer.as_json())
        for unit in () if settings.lean else layer.top:
            head = {"schema": records.SCHEMA, "atlas": settings.atlas_name, "layer": layer.layer}
            _write(folder / addresses.unit_data(layer.layer, unit.unit), {**head, **unit.as_json()})


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
    settings: Settings,
) -> records.LayerData:
    field, top = layer.field, []
    for unit in units:
        nine = []
        for rank in range(record.count(unit)):
            row, column = (int(n) for n in record.position[unit, rank])
            image, value = int(record.image[unit, rank]), record.value[unit, rank]
            nine.append(examples.winner(images, layer, image, value, (row, column)))
        first, counts = levels.trimmed(record.counts[unit])
        top.append(
            records.Unit(
                unit,
                int(record.fired[unit]),
                tuple(nine),
                levels=(first, tuple(counts)),
                spectrum=examples.of_unit(record, unit, layer, images),
            )
        )
    return records.LayerData(
        layer.id,
        layer.module,
        layer.kind,
        layer.shape,
        records.ReceptiveField(field.size, field.stride, field.offset),
        record.images,
        pixels.plate_of(field.size, settings.pictures),
        None if filters is None else pixels.filter_layout(filters.shape),
        tuple(top),
    )


def _connected(
    network: Network, layers: list[records.LayerData], scanned: dict[str, TopNine]
) -> list[records.LayerData]:
    """The layers' data with what each unit is made of, what it feeds, and what goes with it."""
    shown = {layer.layer: [unit.unit for unit in layer.top] for layer in layers}
    told = {name: record for name, record in scanned.items() if record.signs.size}
    directions = {
        name: sketching.directions(r.sketch[shown[name]], r.signs, r.counts[shown[name]])
        for name, r in told.items()
    }
    together = sketching.alike(directions, {name: shown[name] for name in told}) if told else {}
    found = connections(network.graph, network.layers, [layer.layer for layer in layers])

    def links(some: list[Connection]) -> tuple[records.Link, ...]:
        return tuple((one.layer, one.unit, one.share) for one in some)

    return [
        replace(
            layer,
            top=tuple(
                replace(
                    unit,
                    below=links(found[layer.layer].below[unit.unit]),
                    above=links(found[layer.layer].above[unit.unit]),
                    alike=tuple(together.get((layer.layer, unit.unit), ())),
                )
                for unit in layer.top
            ),
        )
        for layer in layers
    ]


def _named(
    network: Network,
    images: Images,
    masks: Masks,
    found: Scan,
    settings: Settings,
    progress: Progress,
    checkpoint: Checkpoint,
    kept: StimulusCache,
    ranks: Ranks,
) -> dict[str, Any]:
    """The concepts that units are named for, by layer, and how they were found."""
    done: dict[str, Any] | None = ranks.share(checkpoint["concepts"])
    if done:
        return done
    chosen = concepts.choose(masks, found.duplicates)
    layers = [network.layer(name) for name in found.records]
    names, overlaps = concepts.overlaps(
        network,
        images,
        masks,
        layers,
        chosen,
        settings.batch_size,
        settings.workers,
        progress,
        kept,
        ranks,
    )
    labels = {name: concepts.labels(names, overlap) for name, overlap in overlaps.items()}
    facts = {"description": masks.description, "images": len(chosen), "names": names}
    if ranks.leads:
        checkpoint["concepts"] = {"labels": labels, "facts": facts}
        checkpoint.commit()
    return {"labels": labels, "facts": facts}


def _with_concepts(
    layer: records.LayerData, labels: dict[str, list[list[tuple[str, float]]]]
) -> records.LayerData:
    own = labels.get(layer.layer)
    if own is None:
        return layer
    top = (replace(u, concepts=tuple((n, share) for n, share in own[u.unit])) for u in layer.top)
    return replace(layer, top=tuple(top))


def _pixel_filters(network: Network, layer: Layer) -> np.ndarray | None:
    """The filters of a layer that sees the input itself, ``[U, C, k, k]``."""
    module = dict(network.module.named_modules()).get(layer.module)
    if not isinstance(module, nn.Conv2d) or layer.field.size != module.kernel_size:
        return None
    if module.in_channels != network.preprocessing.input_shape[0] or module.groups != 1:
        return None
    return module.weight.detach().float().cpu().numpy()


def _with_found(layer: records.LayerData, place: TileStore) -> records.LayerData:
    """A layer with what the second pass found of its units, beside pictures."""
    height = layer.receptive_field.size[0]
    top = []
    for row, unit in enumerate(layer.top):
        nine = slice(len(unit.nine))
        energy = place.energies[row, nine].sum(0, dtype=np.float64)
        box = effective.box_of(energy[:height], energy[height:])
        found = _evidence(place.figures[row, nine]) if unit.nine else None
        top.append(replace(unit, effective=box, evidence=found))
    return replace(layer, top=tuple(top))


def _evidence(figures: np.ndarray) -> records.Evidence | None:
    """What came of trying a unit's reconstructions, ``[nine, measures]``, NaN where not tried."""
    if not figures.shape[1]:
        return None
    columns = [
        tuple(round(float(figure), 3) if np.isfinite(figure) else None for figure in column)
        for column in figures.T
    ]
    return records.Evidence(**dict(zip(records.MEASURES, columns, strict=True)))


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(records.dumps(value), "utf-8")
