"""A layer's page: the plate of the paper's figure 2, for every unit."""

from __future__ import annotations

from collections import Counter

from atlas.data import addresses
from atlas.data.records import LayerData
from atlas.drawing import pixels
from atlas.site import phrases
from atlas.site.render import evidence, kit
from atlas.site.render.base import AtlasView, PageAddress, Preview
from atlas.site.render.pictures import ORDERS, card
from atlas.site.render.quiz import asked_of


def layer_page(shelf: AtlasView, layer: LayerData) -> str:
    """Every unit's reconstructions beside their patches, to be sorted and filtered."""
    file = addresses.layer_page(layer.layer)
    here = PageAddress(shelf.address(file))
    filters = None
    if layer.filters:
        filters = {
            "source": here.to(shelf.address(addresses.filters_file(layer.layer))),
            "across": layer.filters[2],
            "size": pixels.sheet_size(layer.filters, layer.units),
        }
    place = shelf.atlas.layers.index(layer.layer)
    previous, next_ = (_step(shelf, other, here) for other in (place - 1, place + 1))
    labels = Counter(unit.commonest[0] for unit in layer.top if unit.commonest)
    representative = shelf.atlas.summary[place]["representative"]
    cards = [card(shelf, layer, unit, here, short=True) for unit in layer.top]
    there = {key for one in cards for (key, _), value in zip(ORDERS, one.keys, strict=True)
             if value is not None}  # fmt: skip
    summary = shelf.atlas.summary[place]
    preview = None
    if representative and shelf.atlas.images["jpeg"]:
        height, width = layer.plate.size
        picture = shelf.address(addresses.picture_file(layer.layer, representative[0]))
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
        lead=phrases.layer_lead(layer),
        filters=filters,
        collapsed=phrases.collapsed(shelf.atlas),
        image_free=phrases.image_free(shelf.atlas, layer.layer),
        quiz="quiz.html" if shelf.stimuli and asked_of(layer) else "",
        labels=sorted(labels),
        figure=[("PNG", "figure.png"), ("SVG, for print", "figure.svg")] if representative else [],
        snippets=kit.of_layer(shelf, layer, bool(representative)),
        cards=cards,
        all_orders=" ".join(key for key, _ in ORDERS),
        orders=[order for order in ORDERS if order[0] in there],
        evidence=evidence.of_layer(summary),
        concepts=summary["concepts"],
        concepts_told=phrases.concepts(shelf.atlas, layer),
    )


def _step(shelf: AtlasView, place: int, here: PageAddress) -> tuple[str, str] | None:
    if not 0 <= place < len(shelf.atlas.layers):
        return None
    name = shelf.atlas.layers[place]
    return name, here.to(shelf.address(addresses.layer_page(name)))
