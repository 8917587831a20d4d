"""Change the data of an atlas, for tests of what pages make of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from atlas.data import documents
from atlas.data.records import Corners, LayerData, LayerFacts, Unit, Winner

_PER_UNIT: tuple[tuple[documents.Document[Any], type[Struct]], ...] = (
    (documents.RECONSTRUCTIONS, documents.UnitReconstructions),
    (documents.CONNECTIONS, documents.UnitConnections),
    (documents.CONTRIBUTIONS, documents.UnitContributions),
    (documents.TOGETHER, documents.UnitTogether),
    (documents.EXAMPLES, documents.UnitExamples),
    (documents.CONCEPTS, documents.UnitConcepts),
)


def write_layer(folder: Path, layer: LayerData) -> None:
    """Write what is known of a layer as the stages would: in one document for each."""
    documents.LAYER.write(folder, _part(LayerFacts, layer), layer.layer)
    nine = tuple(_part(documents.UnitNine, unit) for unit in layer.top)
    if layer.close_up:
        nine = tuple(structs.replace(unit, nine=tuple(map(_without, unit.nine))) for unit in nine)
    documents.NINE.write(folder, documents.LayerNine(layer.images, nine), layer.layer)
    for document, kind in _PER_UNIT:
        units = tuple(_part(kind, unit) for unit in layer.top)
        if document is documents.RECONSTRUCTIONS:
            close = map(_close_ups, layer.top)
            units = tuple(
                structs.replace(one, close_ups=boxes)
                for one, boxes in zip(units, close, strict=True)
            )
        document.write(folder, documents.PerUnit(units), layer.layer)


def edit_layer(folder: Path, name: str, change: Callable[[LayerData], LayerData]) -> None:
    """Change what is known of a layer."""
    write_layer(folder, change(documents.read_layer(folder, name)))


def edit_unit(folder: Path, layer: str, number: int, **values: Any) -> None:
    """Change some fields of a unit."""

    def changed(unit: Unit) -> Unit:
        return structs.replace(unit, **values) if unit.unit == number else unit

    edit_layer(
        folder,
        layer,
        lambda known: structs.replace(known, top=tuple(changed(unit) for unit in known.top)),
    )


def silence_unit(folder: Path, layer: str, number: int) -> None:
    """Make a unit one that never fired."""
    nothing: dict[str, Any] = {"fired": 0, "nine": (), "levels": (0, ()), "effective": None}
    edit_unit(folder, layer, number, **nothing)


def show_all(folder: Path) -> None:
    """Make an atlas one of all units: those that it didn't show look like its first of a layer."""
    atlas = documents.read_atlas(folder)
    for name in atlas.layers:
        layer = documents.read_layer(folder, name)
        known = {unit.unit: unit for unit in layer.top}
        like, *_ = layer.top
        for number in set(range(layer.units)) - known.keys():
            known[number] = structs.replace(like, unit=number)
            for path in (folder / name).rglob(f"{like.unit}.*"):
                os.link(path, path.with_name(f"{number}{path.suffix}"))
        top = tuple(known[number] for number in range(layer.units))
        write_layer(folder, structs.replace(layer, top=top))
    summary = tuple(structs.replace(one, shown=one.units) for one in atlas.summary)
    edit_atlas(folder, summary=summary)


def edit_atlas(folder: Path, **values: Any) -> None:
    """Change some fields of an atlas's facts."""
    atlas = structs.replace(documents.read_atlas(folder), **values)
    (folder / "atlas.json").write_bytes(documents.encoded(atlas))


def _close_ups(unit: Unit) -> tuple[Corners, ...]:
    return tuple(winner.close_box for winner in unit.nine if winner.close_box)


def _without(winner: Winner) -> Winner:
    return structs.replace(winner, close_box=None)


def _part(kind: type[Struct], record: Struct) -> Any:
    """The fields of a record that another kind of record has, too."""
    names = [name for name in kind.__struct_fields__ if hasattr(record, name)]
    return kind(**{name: getattr(record, name) for name in names})
