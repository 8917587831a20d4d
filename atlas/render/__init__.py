"""From data to pages: strings of HTML. Reads what compute wrote; knows of no network, no torch.

What is shown is decided here; the templates only lay it out.
"""

from __future__ import annotations

from collections.abc import Iterator

from atlas import pages
from atlas.render import comparing, kit
from atlas.render.atlases import atlas_page, story
from atlas.render.base import Shelf, Templates, environment
from atlas.render.gone import gone_page
from atlas.render.kit import sitemap
from atlas.render.layers import layer_page
from atlas.render.notes import Note, note_page, read_notes
from atlas.render.quiz import quiz_page
from atlas.render.searching import index_of
from atlas.render.shared import shared_files
from atlas.render.stimuli import image_page, uses
from atlas.render.units import embed_page, unit_page

__all__ = [
    "Note",
    "Shelf",
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


def atlas_files(shelf: Shelf) -> Iterator[tuple[str, str | bytes]]:
    """All pages of an atlas, and what goes with them: (file within the atlas, what it holds)."""
    yield "index.html", atlas_page(shelf)
    yield pages.INVENTORY, kit.inventory(shelf)
    yield from index_of(shelf)
    for layer in shelf.layers.values():
        yield pages.layer_page(layer.layer), layer_page(shelf, layer)
        quiz = quiz_page(shelf, layer)
        if quiz:
            yield pages.quiz_page(layer.layer), quiz
        for unit in layer.top:
            yield pages.unit_page(layer.layer, unit.unit), unit_page(shelf, layer, unit)
            if shelf.lean:
                continue
            yield pages.embed_page(layer.layer, unit.unit), embed_page(shelf, layer, unit)
            if shelf.about.base:
                yield pages.oembed_file(layer.layer, unit.unit), kit.oembed(shelf, layer, unit)
    found = {} if shelf.lean else uses(shelf)
    images = list(found)
    for place, image in enumerate(images):
        around = (
            images[place - 1] if place else None,
            images[place + 1] if place + 1 < len(images) else None,
        )
        yield pages.image_page(image), image_page(shelf, image, found[image], around)
