"""A layer's page: the plate of the paper's figure 2, for every unit."""

from __future__ import annotations

from collections import Counter

from atlas import pages, pixels, words
from atlas.data import LayerData
from atlas.render import evidence, kit
from atlas.render.base import Place, Preview, Shelf
from atlas.render.pictures import ORDERS, card
from atlas.render.quiz import asked_of


def layer_page(shelf: Shelf, layer: LayerData) -> str:
    """Every unit's reconstructions beside their patches, to be sorted and filtered."""
    file = pages.layer_page(layer.layer)
    here = Place(shelf.address(file))
    filters = None
    if layer.filters:
        filters = {
            "source": here.to(shelf.address(pages.filters_file(layer.layer))),
            "across": layer.filters[2],
            "size": pixels.sheet_size(layer.filters, layer.units),
        }
    place = shelf.atlas.layers.index(layer.layer)
    previous, next_ = (_step(shelf, other, here) for other in (place - 1, place + 1))
    labels = Counter(unit.commonest[0] for unit in layer.top if unit.commonest)
    telling = shelf.atlas.summary[place]["telling"]
    cards = [card(shelf, layer, unit, here, short=True) for unit in layer.top]
    there = {key for one in cards for (key, _), value in zip(ORDERS, one.keys, strict=True)
             if value is not None}  # fmt: skip
    summary = shelf.atlas.summary[place]
    preview = None
    if telling and shelf.atlas.images["jpeg"]:
        height, width = layer.plate.size
        picture = shelf.address(pages.picture_file(layer.layer, telling[0]))
        preview = Preview(picture, (width, height))
    return shelf.page(
        "layer.html",
        file,
        [layer.layer],
        f"The {layer.units} units of {layer.layer} of {shelf.name}",
        [(layer.layer, None)],
        preview=preview,
        previous=previous,
        next=next_,
        layer=layer,
        lead=words.layer_lead(layer),
        filters=filters,
        collapsed=words.collapsed(shelf.atlas),
        image_free=words.image_free(shelf.atlas, layer.layer),
        quiz="quiz.html" if shelf.stimuli and asked_of(layer) else "",
        labels=sorted(labels),
        figure=[("PNG", "figure.png"), ("SVG, for print", "figure.svg")] if telling else [],
        snippets=kit.of_layer(shelf, layer, bool(telling)),
        cards=cards,
        all_orders=" ".join(key for key, _ in ORDERS),
        orders=[order for order in ORDERS if order[0] in there],
        evidence=evidence.of_layer(summary),
        concepts=summary["concepts"],
        concepts_told=words.concepts(shelf.atlas, layer),
    )


def _step(shelf: Shelf, place: int, here: Place) -> tuple[str, str] | None:
    if not 0 <= place < len(shelf.atlas.layers):
        return None
    name = shelf.atlas.layers[place]
    return name, here.to(shelf.address(pages.layer_page(name)))
