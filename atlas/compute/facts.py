"""The facts of an atlas: of the network, the images, and how it was computed."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np

from atlas.compute.representative import representative
from atlas.data import records
from atlas.data.settings import Settings
from atlas.images.sources import Described, Images, label_of
from atlas.networks.batching import slots_of
from atlas.networks.connections import parents
from atlas.networks.network import Network
from atlas.reconstruction.extensions import extensions, image_free
from atlas.scanning.scan import Scan


def facts_of(
    network: Network,
    images: Images,
    found: Scan,
    layers: list[records.LayerData],
    filters: dict[str, np.ndarray | None],
    settings: Settings,
    concepts: dict[str, Any] | None,
    made_from: str,
) -> records.AtlasData:
    """What stands in ``atlas.json``."""
    from atlas import __version__

    different = (index for index in range(len(images)) if index not in found.duplicates)
    classes = Counter(label for index in different if (label := label_of(images, index)))
    what = images.description if isinstance(images, Described) else "images given in memory"
    return records.AtlasData(
        name=settings.atlas_name,
        program=__version__,
        network={
            "name": network.name,
            "weights": network.weights,
            "weights_hash": network.weights_hash,
            "missing": list(network.missing),
            "layers": len(network.layers),
            "parameters": sum(p.numel() for p in network.module.parameters()),
        },
        preprocessing=network.preprocessing.as_dict(),
        images={
            "description": what,
            "count": len(images),
            "different": found.images,
            "classes": len(classes),
            "class_sizes": sorted(classes.values()),
            "hash": found.images_hash,
            "recoloured": found.recoloured,
            "near_duplicates": settings.near_duplicates,
            "pictures": settings.pictures,
            "jpeg": settings.keeps_jpeg,
            "lean": settings.lean,
            "duplicates": [list(pair) for pair in sorted(found.duplicates.items())],
        },
        rule=settings.rule,
        evidence=settings.has_evidence,
        concepts=concepts,
        extensions=extensions(network.graph),
        command=settings.command(),
        made_from=made_from,
        slots=slots_of(network, settings.batch_size),
        layers=tuple(layer.layer for layer in layers),
        summary=_summaries(network, layers, filters, settings.rule),
    )


def _summaries(
    network: Network,
    layers: list[records.LayerData],
    filters: dict[str, np.ndarray | None],
    rule: str,
) -> list[dict[str, Any]]:
    own = [network.layer(layer.layer) for layer in layers]
    above = parents(network.graph, own)
    return [
        {
            **_summary(layer, filters[layer.layer]),
            "parents": above[layer.layer],
            "image_free": image_free(network.graph, place.node, rule),
        }
        for layer, place in zip(layers, own, strict=True)
    ]


def _summary(layer: records.LayerData, filters: np.ndarray | None) -> dict[str, Any]:
    return {
        "layer": layer.layer,
        "module": layer.module,
        "kind": layer.kind,
        "units": layer.units,
        "shown": len(layer.top),
        "shape": list(layer.shape),
        "receptive_field": asdict(layer.receptive_field),
        "dead": layer.dead,
        "representative": list(representative(layer, filters)),
        "evidence": _means(layer),
        "concepts": _concepts(layer),
    }


def _means(layer: records.LayerData) -> dict[str, float] | None:
    """The mean of each measure of evidence over a layer's units; None if none was tried."""
    tried = [unit.evidence for unit in layer.top if unit.evidence]
    found = {}
    for measure in records.MEASURES:
        means = [mean for one in tried if (mean := one.mean(measure)) is not None]
        if means:
            found[measure] = round(sum(means) / len(means), 3)
    return found or None


def _concepts(layer: records.LayerData) -> list[tuple[str, int]]:
    """The concepts that units are named for, and how many of them; the commonest first."""
    return Counter(unit.concepts[0][0] for unit in layer.top if unit.concepts).most_common()
