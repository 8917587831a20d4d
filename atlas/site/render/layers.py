"""The page of a layer: the plate of Zeiler & Fergus's figure 2, for every unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.documents import LAYER, NINE, RECONSTRUCTIONS
from atlas.data.records import LayerData, Pair
from atlas.drawing import pixels
from atlas.site import atlas_phrases, phrases
from atlas.site.render import evidence_tables, layer_measures, picture_views, snippets, wants
from atlas.site.render.base import Anchor, Crumb, PageAddress, Steps
from atlas.site.render.pictures import ORDERS, Card, Order, card, preview
from atlas.site.render.view import CONCEPTS, AtlasView


@dataclass(frozen=True)
class FilterSheet:
    """The sheet of a layer's filters; ``across`` is how many stand in a row."""

    source: str
    size: Pair
    across: int


@dataclass(frozen=True)
class ConceptCount:
    """A concept, and how many units of the layer overlap with it."""

    name: Anchor
    count: int


@dataclass(frozen=True)
class LayerPage:
    """What a layer's page shows.

    ``labels`` and ``concept_names`` are what units can be filtered by, ``orders`` what they can be
    sorted by; ``named`` is whether people named any of them. ``all_orders`` are the names of all
    orders, in the order of ``Card.keys``.
    """

    name: str
    lead: str
    units: int
    patches: bool
    views: picture_views.PictureViews | None
    filters: FilterSheet | None
    close_ups: str
    image_free: str
    repeats: str
    quiz: str
    figures: str
    named: bool
    orders: tuple[Order, ...]
    all_orders: str
    labels: tuple[str, ...]
    concept_names: tuple[str, ...]
    cards: tuple[Card, ...]
    concepts_lead: str
    concepts: tuple[ConceptCount, ...]
    evidence: evidence_tables.Table | None
    wants: wants.WantedLayer | None
    downloads: tuple[Anchor, ...]
    snippets: tuple[snippets.Snippet, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page of each layer: (address within the atlas, HTML)."""
    for layer in view.layers.values():
        yield addresses.layer_page(layer.layer), layer_page(view, layer)


def layer_page(view: AtlasView, layer: LayerData) -> str:
    """Every unit's plate, to be sorted and filtered."""
    file = addresses.layer_page(layer.layer)
    page = view.page(file)
    summary = view.summary(layer.layer)
    representative = summary.representative
    counts = view.concepts_of(layer)
    cards = tuple(card(view, layer, unit, page=page, own=True) for unit in layer.top)
    head = view.head(
        file,
        title=layer.layer,
        layer=layer.layer,
        description=f"The {layer.units} units of {layer.layer} of {view.name}",
        crumbs=(Crumb(layer.layer),),
        steps=_steps(view, layer, page),
        preview=preview(view, layer, representative[0]) if representative else None,
    )
    figure = bool(representative) and view.atlas.keeps("figures")
    content = LayerPage(
        name=layer.layer,
        lead=phrases.layer_lead(view.atlas, layer),
        units=layer.units,
        patches=layer.plate.patches,
        views=picture_views.of_plates(patches=layer.plate.patches),
        filters=_filters(view, layer, page),
        close_ups=phrases.close_ups(layer),
        image_free=phrases.image_free(layer),
        repeats=atlas_phrases.repeats(view.atlas),
        quiz="quiz.html" if view.has_quiz(layer) else "",
        figures="figures.html" if layer_measures.has_page(view, layer.layer) else "",
        named=any(one.called for one in cards),
        orders=tuple(
            order
            for place, order in enumerate(ORDERS)
            if any(one.keys[place] is not None for one in cards)
        ),
        all_orders=" ".join(order.name for order in ORDERS),
        labels=tuple(sorted(Counter(u.commonest[0] for u in layer.top if u.commonest))),
        concept_names=tuple(name for name, _ in sorted(counts.items())),
        cards=cards,
        concepts_lead=phrases.concepts_lead(view.atlas, layer),
        concepts=tuple(
            ConceptCount(view.label_anchor(CONCEPTS, name, page), count)
            for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        ),
        evidence=evidence_tables.of_layer(summary),
        wants=wants.of_layer(view, layer, page),
        downloads=_downloads(figure=figure),
        snippets=snippets.of_layer(view, layer, figure=figure),
    )
    return view.renderer.page("layer.html", head, content)


def _filters(view: AtlasView, layer: LayerData, page: PageAddress) -> FilterSheet | None:
    if layer.filters is None:
        return None
    return FilterSheet(
        source=view.link(addresses.filters_file(layer.layer), page),
        size=pixels.sheet_size(layer.filters, layer.units),
        across=layer.filters[2],
    )


def _downloads(figure: bool) -> tuple[Anchor, ...]:
    figures = (
        Anchor("Figure of a few units (PNG)", "figure.png"),
        Anchor("Figure of a few units (SVG, for print)", "figure.svg"),
    )
    data = (
        Anchor("The layer (JSON)", f"{LAYER.name}.json"),
        Anchor("Its units' nine (JSON)", f"{NINE.name}.json"),
        Anchor("Their reconstructions (JSON)", f"{RECONSTRUCTIONS.name}.json"),
    )
    return (*(figures if figure else ()), *data)


def _steps(view: AtlasView, layer: LayerData, page: PageAddress) -> Steps:
    """The layers before and after a layer."""
    names = list(view.layers)
    place = names.index(layer.layer)

    def anchor(name: str) -> Anchor:
        return Anchor(name, view.link(addresses.layer_page(name), page))

    return Steps(
        anchor(names[place - 1]) if place > 0 else None,
        anchor(names[place + 1]) if place + 1 < len(names) else None,
    )
