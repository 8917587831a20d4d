"""All that an atlas knows of a unit, as JSON beside the unit's page."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from atlas.data import addresses
from atlas.data.documents import encoded
from atlas.data.records import SCHEMA
from atlas.site.render.view import AtlasView


def files(view: AtlasView) -> Iterator[tuple[str, bytes]]:
    """The data of each unit: (address within the atlas, JSON); none where it isn't kept."""
    if not view.atlas.keeps("unit-data"):
        return
    for layer in view.layers.values():
        head = {"schema": SCHEMA, "atlas": view.name, "layer": layer.layer}
        for unit in view.turns.take(layer.top):
            data = encoded({**head, **msgspec.to_builtins(unit)})
            yield addresses.unit_data(layer.layer, unit.unit), data
