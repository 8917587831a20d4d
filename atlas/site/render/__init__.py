"""From data to pages: strings of HTML. Reads what compute wrote; knows of no network, no torch.

What is shown is decided here; the templates only lay it out.
"""

from __future__ import annotations

from collections.abc import Iterator

from atlas.data import addresses
from atlas.site.render import comparing, kit
from atlas.site.render.atlases import atlas_page, story
from atlas.site.render.base import AtlasView, Templates, environment
from atlas.site.render.gone import gone_page
from atlas.site.render.kit import sitemap
from atlas.site.render.layers import layer_page
from atlas.site.render.notes import Note, note_page, read_notes
from atlas.site.render.quiz import quiz_page
from atlas.site.render.searching import index_of
from atlas.site.render.shared import shared_files
from atlas.site.render.stimuli import image_page, uses
from atlas.site.render.units import embed_page, unit_page

__all__ = [
    "AtlasView",
    "Note",
    "Templates",
    "atlas_files",
    "comparing",
    "environment",
    "gone_page",
    "note_page",
    "read_notes",
    "shared_files",
    "sitemap",
    "story",
]


def atlas_files(shelf: AtlasView) -> Iterator[tuple[str, str | bytes]]:
    """All pages of an atlas, and what goes with them: (file within the atlas, what it holds)."""
    yield "index.html", atlas_page(shelf)
    yield addresses.INVENTORY, kit.inventory(shelf)
    yield from index_of(shelf)
    for layer in shelf.layers.values():
        yield addresses.layer_page(layer.layer), layer_page(shelf, layer)
        quiz = quiz_page(shelf, layer)
        if quiz:
            yield addresses.quiz_page(layer.layer), quiz
        for unit in layer.top:
            yield addresses.unit_page(layer.layer, unit.unit), unit_page(shelf, layer, unit)
            if shelf.lean:
                continue
            yield addresses.embed_page(layer.layer, unit.unit), embed_page(shelf, layer, unit)
            if shelf.about.base:
                yield addresses.oembed_file(layer.layer, unit.unit), kit.oembed(shelf, layer, unit)
    found = {} if shelf.lean else uses(shelf)
    images = list(found)
    for place, image in enumerate(images):
        around = (
            images[place - 1] if place else None,
            images[place + 1] if place + 1 < len(images) else None,
        )
        yield addresses.image_page(image), image_page(shelf, image, found[image], around)
