"""The home page and an atlas's own: the network from its first layer to its last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jinja2

from atlas.data import addresses
from atlas.data.records import AtlasData, LayerData
from atlas.site import phrases
from atlas.site.branch_lines import lanes, width
from atlas.site.info import SiteInfo
from atlas.site.render import evidence
from atlas.site.render.base import AtlasView, PageAddress, Preview, page
from atlas.site.render.pictures import card, frame

STORY = 6  # layers of an atlas that the home page shows, at most
CARDS = 3  # units shown for a layer outside its own page
SLAB = 160, 40  # pixels for the most units, and for the height of the input


def home_page(
    shelves: Sequence[AtlasView],
    notes: Sequence[tuple[str, str]],
    comparisons: Sequence[tuple[str, str]],
    about: SiteInfo,
    templates: jinja2.Environment,
) -> str:
    """The site's first page: its atlases, each told in pictures from its first layer to its last.

    Notes and comparisons are (title, address).
    """
    here = PageAddress("index.html")
    shown = [
        {
            "name": shelf.name,
            "page": here.to(shelf.address("index.html")),
            "facts": phrases.atlas_facts(shelf.atlas),
            "credit": phrases.credit(shelf.atlas),
            "layers": [_rung(shelf, shelf.layers[name], here) for name in story(shelf.atlas)],
        }
        for shelf in shelves
    ]
    return page(
        templates,
        about,
        "home.html",
        here.address,
        [],
        "What every unit of a convolutional network responds to",
        [],
        atlases=shown,
        notes=[(title, here.to(address)) for title, address in notes],
        comparisons=[(title, here.to(address)) for title, address in comparisons],
    )


def story(atlas: AtlasData) -> list[str]:
    """A few layers from the first to the last, evenly spread; linear ones only if there is room."""
    names = [s["layer"] for s in atlas.summary if s["kind"] != "linear"] or list(atlas.layers)
    if len(names) <= STORY:
        return names
    return [names[round(i * (len(names) - 1) / (STORY - 1))] for i in range(STORY)]


def atlas_page(shelf: AtlasView) -> str:
    """The network drawn to scale, layer by layer, with a few units of each."""
    here = PageAddress(shelf.address("index.html"))
    height, across = shelf.atlas.preprocessing["crop"]
    source = _stimulus(shelf, here)
    most = max(layer.units for layer in shelf.layers.values())
    drawn = lanes({summary["layer"]: summary["parents"] for summary in shelf.atlas.summary})
    many = width(drawn)
    step = max(4, min(14, 140 // many))
    rungs = []
    for layer, row in zip(shelf.layers.values(), drawn, strict=True):
        rows, columns = (
            min(n, 4 * m) for n, m in zip(layer.receptive_field.size, (height, across), strict=True)
        )
        top, left = (height - rows) // 2, (across - columns) // 2
        box = (top, left, top + rows, left + columns)
        label = f"Receptive field of {layer.layer}: {phrases.sees(layer)}"
        rungs.append(
            {
                **_rung(shelf, layer, here),
                "units": layer.units,
                "size": phrases.map_size(layer),
                "sees": phrases.sees(layer),
                "frame": frame(source, (height, across), box, label, None),
                "slab": (
                    max(1.0, round(SLAB[0] * layer.units / most, 1)),
                    max(1.0, round(SLAB[1] * layer.shape[1] / height, 1)),
                ),
                "lanes": {
                    "x": [step * lane + step / 2 for lane in range(many)],
                    "width": step * many,
                    "row": row,
                },
            }
        )
    units = sum(layer.units for layer in shelf.layers.values())
    first = next(iter(shelf.layers.values()), None)
    return shelf.page(
        "atlas.html",
        "index.html",
        [],
        f"All {units} units of {shelf.atlas.network['name']}, layer by layer",
        [],
        preview=_preview(shelf),
        atlas=shelf.atlas,
        lead=phrases.atlas_facts(shelf.atlas),
        layers=rungs,
        branches=many > 1,
        evidence=evidence.of_atlas(shelf.atlas.summary),
        concepts=_concepts(shelf),
        compared_with=phrases.compared_with(shelf.atlas),
        made=phrases.made(shelf.atlas),
        cite=phrases.bibtex(shelf.atlas, shelf.about, "", shelf.address("index.html")),
        inventory=f"{shelf.name}.{first.layer}" if first else "",
    )


def _concepts(shelf: AtlasView) -> list[dict[str, Any]]:
    """For each layer with places how many units are named for something, and for how many things.

    Bars are as long as the largest share of a layer's units, and the largest number of things.
    """
    found = [
        (layer, sum(count for _, count in summary["concepts"]), len(summary["concepts"]))
        for layer, summary in shelf.summaries()
        if phrases.are_compared(shelf.atlas, layer)
    ]
    most = max((things for *_, things in found), default=0) or 1
    return [
        {
            "name": layer.layer,
            "units": phrases.share(named, len(layer.top)),
            "share": round(100 * named / len(layer.top), 1),
            "things": things,
            "length": round(100 * things / most, 1),
        }
        for layer, named, things in found
    ]


def _preview(shelf: AtlasView) -> Preview | None:
    """The plate of the deepest representative unit."""
    for layer, summary in reversed(list(shelf.summaries())):
        if summary["representative"] and shelf.atlas.images["jpeg"]:
            picture = addresses.picture_file(layer.layer, summary["representative"][0])
            height, across = layer.plate.size
            return Preview(shelf.address(picture), (across, height))
    return None


def _stimulus(shelf: AtlasView, here: PageAddress) -> str:
    """The image that receptive fields are drawn over: the strongest of a deep unit."""
    if shelf.stimuli:
        for layer, summary in reversed(list(shelf.summaries())):
            for unit in summary["representative"][:1]:
                image = layer.unit(unit).nine[0].image
                return here.to(shelf.address(addresses.image_file(image)))
    return ""


def _rung(shelf: AtlasView, layer: LayerData, here: PageAddress) -> dict[str, Any]:
    representative = shelf.representative(layer.layer)
    return {
        "name": layer.layer,
        "page": here.to(shelf.address(addresses.layer_page(layer.layer))),
        "facts": f"{layer.units} units, each sees {phrases.sees(layer)}",
        "cards": [card(shelf, layer, layer.unit(unit), here) for unit in representative[:CARDS]],
    }
