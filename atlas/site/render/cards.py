"""A unit's card for other people's pages, and what tells them how to embed it (oEmbed 1.0)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData, Unit
from atlas.site import atlas_phrases
from atlas.site.render.picture_views import Lamp, plate_lamp
from atlas.site.render.pictures import Card, card
from atlas.site.render.snippets import EMBED_HEIGHT, EMBED_WIDTH, iframe
from atlas.site.render.view import AtlasView


@dataclass(frozen=True)
class CardPage:
    """What a unit's card shows: one picture and what it is; it has no script.

    ``lamp`` is None where no patches could be lit, ``style`` "" where the author has no style.
    """

    root: str
    title: str
    card: Card
    home: str
    site: str
    atlas: str
    credit: str
    lamp: Lamp | None
    style: str


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """Each unit's card, and its oEmbed data where the site's address is known.

    There are none where cards aren't kept.
    """
    if not view.atlas.keeps("cards"):
        return
    for layer in view.layers.values():
        for unit in view.turns.take(layer.top):
            yield addresses.embed_page(layer.layer, unit.unit), card_page(view, layer, unit)
            if view.info.base:
                yield addresses.oembed_file(layer.layer, unit.unit), oembed(view, layer, unit)


def card_page(view: AtlasView, layer: LayerData, unit: Unit) -> str:
    """A unit as a small card for an iframe."""
    page = view.page(addresses.embed_page(layer.layer, unit.unit))
    shown = card(view, layer, unit, page=page)
    content = CardPage(
        root=page.root,
        title=f"{view.name} {view.unit_title(layer.layer, unit.unit)}",
        card=shown,
        home=page.to("index.html"),
        site=view.info.title,
        atlas=view.title,
        credit=atlas_phrases.credit(view.atlas),
        lamp=plate_lamp(layer.plate) if shown.halves else None,
        style=page.to(view.info.style.address) if view.info.style else "",
    )
    return view.renderer.part("embed.html", content)


def oembed(view: AtlasView, layer: LayerData, unit: Unit) -> str:
    """How to embed a unit, as JSON."""
    answer = {
        "version": "1.0",
        "type": "rich",
        "provider_name": view.info.title,
        "provider_url": view.info.base,
        "title": f"{view.unit_title(layer.layer, unit.unit)} of {view.name}",
        "html": iframe(view, layer, unit),
        "width": EMBED_WIDTH,
        "height": EMBED_HEIGHT,
    }
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")) + "\n"
