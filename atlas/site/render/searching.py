"""What the search looks through: classic scripts, which a page may load even from ``file://``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from atlas.data import addresses
from atlas.data.records import AtlasData
from atlas.site.render.base import AtlasView

SHARD = 6000  # units in one script, at most


def index_of(shelf: AtlasView) -> Iterator[tuple[str, str]]:
    """An atlas's scripts: (file within the atlas, text).

    Each calls ``atlasIndex(name, shard)`` with the names of classes and, for each layer, rows of a
    unit's number, how many images fired it, and its classes with how many of the nine have each;
    with 0 stands the concept that it overlaps with most.
    """
    entries = [(name, unit) for name, layer in shelf.layers.items() for unit in layer.top]
    for number, start in enumerate(range(0, max(len(entries), 1), SHARD)):
        classes: dict[str, int] = {}
        layers: dict[str, list[list[int]]] = {}
        for name, unit in entries[start : start + SHARD]:
            row = [unit.unit, unit.fired]
            for label, count in Counter(w.label for w in unit.nine if w.label).most_common(4):
                row += [classes.setdefault(label, len(classes)), count]
            for concept, _ in unit.concepts[:1]:
                row += [classes.setdefault(concept, len(classes)), 0]
            layers.setdefault(name, []).append(row)
        shard = {"classes": list(classes), "layers": list(layers.items())}
        yield addresses.search_file(number), _call("atlasIndex", shelf.name, shard)


def shards(atlas: AtlasData) -> int:
    """How many scripts an atlas's index takes."""
    return max(1, -(-sum(summary["shown"] for summary in atlas.summary) // SHARD))


def contents(atlases: Sequence[AtlasData], notes: Sequence[Mapping[str, str]]) -> str:
    """The site's own script: ``siteIndex`` with its atlases and their layers, and its notes.

    Notes have a title, an address and their text.
    """
    told = [
        {
            "name": atlas.name,
            "shards": shards(atlas),
            "layers": [[summary["layer"], summary["shown"]] for summary in atlas.summary],
        }
        for atlas in atlases
    ]
    return _call("siteIndex", {"atlases": told, "notes": list(notes)})


def _call(function: str, *values: Any) -> str:
    said = ",".join(json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in values)
    return f"{function}({said});\n"
