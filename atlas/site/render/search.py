"""What the search looks through: classic scripts, which a page may load even from ``file://``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from atlas.data import addresses
from atlas.data.records import AtlasData, Unit
from atlas.site.render.base import Entry
from atlas.site.render.view import AtlasView

SHARD = 6000  # units in one script, at most
LABELS = 4  # classes of a unit that are searched, at most


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """An atlas's scripts: (address within the atlas, text).

    Each calls ``atlasIndex(name, shard)`` with the names of classes and concepts and, for each
    layer, a row of numbers for each unit (see ``_row``).
    """
    units = [(name, unit) for name, layer in view.layers.items() for unit in layer.top]
    for number, start in enumerate(range(0, max(len(units), 1), SHARD)):
        names: dict[str, int] = {}
        layers: dict[str, list[list[int]]] = {}
        for name, unit in units[start : start + SHARD]:
            layers.setdefault(name, []).append(_row(unit, names, view.label(name, unit.unit)))
        shard = {"classes": list(names), "layers": list(layers.items())}
        yield addresses.search_file(number), _call("atlasIndex", view.name, shard)


def _row(unit: Unit, names: dict[str, int], called: str) -> list[int]:
    """A unit's number, how many images activate it, then pairs: a name, and how many have it.

    The names are its commonest classes, with how many of its nine have each, and the concept that
    it overlaps with most, with 0; last people's own name for it, with -1. New ones are added to
    ``names``.
    """
    row = [unit.unit, unit.fired]
    labels = Counter(winner.label for winner in unit.nine if winner.label)
    for label, count in labels.most_common(LABELS):
        row += [names.setdefault(label, len(names)), count]
    for concept, _ in unit.concepts[:1]:
        row += [names.setdefault(concept, len(names)), 0]
    if called:
        row += [names.setdefault(called, len(names)), -1]
    return row


def shards(atlas: AtlasData) -> int:
    """How many scripts an atlas's index takes."""
    return max(1, -(-sum(summary.shown for summary in atlas.summary) // SHARD))


def site_index(atlases: Sequence[AtlasData], entries: Sequence[Entry]) -> str:
    """The site's own script: ``siteIndex`` with its atlases, their layers, and other pages."""
    index = {
        "atlases": [
            {
                "name": atlas.name,
                "shards": shards(atlas),
                "layers": [[summary.layer, summary.shown] for summary in atlas.summary],
            }
            for atlas in atlases
        ],
        "notes": [_entry(entry) for entry in entries],
    }
    return _call("siteIndex", index)


def _entry(entry: Entry) -> dict[str, str]:
    fields = {"title": entry.title, "address": entry.address, "text": entry.text}
    return fields | ({"about": entry.about} if entry.about else {})


def _call(function: str, *values: Any) -> str:
    arguments = ",".join(json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in values)
    return f"{function}({arguments});\n"
