"""What the search looks through: classic scripts, which a page may load even from ``file://``.

Each atlas has scripts of its own with its units; the site's has all other pages and the synonyms.
Nothing in them says where pictures lie: that follows from a unit's address. ``templates/find.js``
reads them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from atlas.data import addresses
from atlas.data.records import AtlasData, Unit
from atlas.site.render.base import Entry, plain_text
from atlas.site.render.view import AtlasView

SHARD = 30_000  # units in one script, at most: each names all its classes
LABELS = 4  # classes of a unit that are searched, at most
FOLLOWS = 10  # stands beside the form that names a unit: more than any class of its nine has

Synonyms = Mapping[str, Sequence[str]]

# what people type for names that things have here; it counts where an atlas has such a name
SYNONYMS: Synonyms = {
    "bike": ("bicycle",),
    "auto": ("car",),
    "automobile": ("car",),
    "boat": ("sailboat",),
    "puppy": ("dog",),
    "kitten": ("cat",),
    "ladybug": ("ladybird",),
    "mug": ("cup",),
    "plane": ("aeroplane", "airplane", "airliner"),
    "tire": ("tyre",),
    "toadstool": ("mushroom",),
}


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
            known, called = view.followed(name, unit.unit), view.called(name, unit.unit)
            row = _row(unit, names, called=called, name=known.name if known else "")
            layers.setdefault(name, []).append(row)
        shard = {"classes": list(names), "layers": list(layers.items())}
        yield addresses.search_file(number), _call("atlasIndex", view.name, shard)


def _row(unit: Unit, names: dict[str, int], *, called: str, name: str) -> list[int]:
    """A unit's number, 1 if it ever fired or else 0, then pairs: a name, and how many have it.

    The names are the form that names it, with ``FOLLOWS``; its commonest classes, with how many of
    its nine have each; where no form does, the concept that it overlaps with most, with 0; last
    people's own name for it, with -1. New ones are added to ``names``.
    """
    row = [unit.unit, int(unit.fired > 0)]
    if name:
        row += [names.setdefault(name, len(names)), FOLLOWS]
    labels = Counter(winner.label for winner in unit.nine if winner.label)
    for label, count in labels.most_common(LABELS):
        row += [names.setdefault(label, len(names)), count]
    for concept, _ in () if name else unit.concepts[:1]:
        row += [names.setdefault(concept, len(names)), 0]
    if called:
        row += [names.setdefault(called, len(names)), -1]
    return row


def shards(atlas: AtlasData) -> int:
    """How many scripts an atlas's index takes."""
    return max(1, -(-sum(summary.shown for summary in atlas.summary) // SHARD))


def site_index(
    atlases: Sequence[AtlasData], entries: Sequence[Entry], synonyms: Synonyms = SYNONYMS
) -> str:
    """The site's own script: ``siteIndex`` with its atlases, their layers, and other pages.

    Of a page it has title, address, what is shown beside the title, and text. ``plates`` is the
    folder within a layer's where its units' small plates lie.
    """
    index = {
        "atlases": [
            {
                "name": atlas.name,
                "shards": shards(atlas),
                "plates": "small/" if atlas.keeps("small") else "",
                "layers": [[summary.layer, summary.shown] for summary in atlas.summary],
            }
            for atlas in atlases
        ],
        "pages": [[one.title, one.address, one.about, one.text] for one in entries],
        "synonyms": {word: list(names) for word, names in synonyms.items()},
    }
    return _call("siteIndex", index)


def main_text(markup: str) -> str:
    """What a page says, without what stands around its content."""
    main = re.search(r"<main\b.*</main>", markup, re.DOTALL)
    return plain_text(main[0] if main else markup)


def _call(function: str, *values: Any) -> str:
    arguments = ",".join(json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in values)
    return f"{function}({arguments});\n"
