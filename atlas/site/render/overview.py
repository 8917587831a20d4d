"""An atlas's own page: its deepest units, and the network drawn to scale down to the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData
from atlas.site import atlas_phrases, branch_lines, phrases
from atlas.site.render import evidence_tables, snippets
from atlas.site.render.base import Anchor, PageAddress, Preview
from atlas.site.render.picture_views import Lamp, PictureViews, half_lamp, of_plates
from atlas.site.render.pictures import BoxedStimulus, Card, boxed, card, preview
from atlas.site.render.view import AtlasView

SKIPPED = 100  # images that can't be read, named on the page at most
CARDS = 3  # units shown for a layer outside its own page
OPENING = 6  # units that a first view shows
BAR_LENGTH, BAR_HEIGHT = 160, 40  # pixels for the most units, and for the height of the input
LANES_WIDTH = 140  # pixels for all lanes, where many are needed
LANE_NARROWEST, LANE_WIDEST = 4, 14
LIT_OPENING = (
    "The squares show a few of them: those patches, dark except where their reconstructions are "
    "strong."
)


@dataclass(frozen=True)
class LayerStrip:
    """A layer by a few of its units."""

    name: str
    page: str
    facts: tuple[str, ...]
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Opening:
    """An atlas at first sight: its deepest and most telling units, and what it is in a line.

    ``lamp`` lights their patches, and ``lit`` says so; the lamp is None where there are no patches.
    """

    title: str
    about: str
    explore: str
    cards: tuple[Card, ...]
    lamp: Lamp | None
    lit: str = LIT_OPENING


@dataclass(frozen=True)
class Site:
    """What a site has besides its atlases."""

    notes: tuple[Anchor, ...] = ()
    comparisons: tuple[Anchor, ...] = ()


ALONE = Site()


@dataclass(frozen=True)
class Bar:
    """A bar as long as a layer has units and as high as its feature maps, in pixels."""

    length: float
    height: float


@dataclass(frozen=True)
class Lanes:
    """The lanes beside a layer: the middle of each and the width of all, in pixels."""

    x: tuple[float, ...]
    width: int
    row: branch_lines.Row


@dataclass(frozen=True)
class LayerRow:
    """A layer in the drawing of the network."""

    strip: LayerStrip
    field: BoxedStimulus
    bar: Bar
    lanes: Lanes


@dataclass(frozen=True)
class LayerConcepts:
    """How many units of a layer overlap with a concept, and with how many different ones.

    ``units`` is a share of the layer's in words, ``percent`` the same as a number; ``length`` is
    the number of concepts in percent of the most that any layer has.
    """

    name: str
    units: str
    percent: float
    concepts: int
    length: float


@dataclass(frozen=True)
class OverviewPage:
    """What an atlas's own page shows.

    ``skipped`` names images that can't be read. ``data`` and ``inventory`` are links to the same as
    JSON, and to what other documents link by; ``example`` is the name of a layer as other sites
    link to it; ``own_pages`` are pages that stand for themselves.
    """

    opening: Opening
    site: Site
    branches: bool
    views: PictureViews | None
    layers: tuple[LayerRow, ...]
    concepts: tuple[LayerConcepts, ...]
    compared_with: str
    evidence: evidence_tables.WideTable | None
    own_pages: tuple[Anchor, ...]
    made: tuple[atlas_phrases.Fact, ...]
    skipped: tuple[str, ...]
    data: str
    inventory: str
    example: str
    snippets: tuple[snippets.Snippet, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The atlas's own page: (address within the atlas, HTML)."""
    file = "index.html"
    head = view.head(
        file,
        description=atlas_phrases.about(view.atlas) or atlas_phrases.atlas_lead(view.atlas),
        preview=_preview(view),
    )
    yield file, view.renderer.page("atlas.html", head, overview(view, view.page(file)))


def overview(view: AtlasView, page: PageAddress, site: Site = ALONE) -> OverviewPage:
    """What an atlas's own page shows at an address, with what the site has besides."""
    rows = _rows(view, page)
    return OverviewPage(
        opening=opening(view, page),
        site=site,
        branches=any(len(row.lanes.x) > 1 for row in rows),
        views=of_plates(patches=view.atlas.pictures),
        layers=rows[::-1],
        concepts=_concepts(view),
        compared_with=atlas_phrases.compared_with(view.atlas),
        evidence=evidence_tables.of_atlas(view.atlas.summary),
        own_pages=tuple(Anchor(own.title, page.to(own.address)) for own in view.own_pages),
        made=atlas_phrases.made(view.atlas),
        skipped=atlas_phrases.skipped_images(view.atlas, SKIPPED),
        data=view.link("atlas.json", page),
        inventory=view.link("objects.inv", page),
        example=snippets.global_name(view, next(iter(view.layers), "")),
        snippets=snippets.of_atlas(view),
    )


def opening(view: AtlasView, page: PageAddress) -> Opening:
    """An atlas at first sight, on a page."""
    chosen = list(_deepest(view))[:OPENING]
    lit = chosen[0][0].plate if chosen and view.atlas.pictures else None
    return Opening(
        title=view.title,
        about=atlas_phrases.about(view.atlas) or atlas_phrases.atlas_lead(view.atlas),
        explore=atlas_phrases.explore(view.atlas),
        cards=tuple(card(view, layer, layer.unit(unit), page=page) for layer, unit in chosen),
        lamp=half_lamp(lit) if lit else None,
    )


def _deepest(view: AtlasView) -> Iterator[tuple[LayerData, int]]:
    """Representative units from the deepest layer up; linear layers only where there is no other.

    The scores of classes look like the classes by training; what lies below found it by itself.
    """
    known = list(view.summaries())
    others = [one for one in known if one[1].kind != "linear"] or known
    for layer, summary in reversed(others):
        for unit in summary.representative:
            yield layer, unit


def strip(
    view: AtlasView, layer: LayerData, page: PageAddress, *, count: int = CARDS
) -> LayerStrip:
    """A layer by a few of its representative units, on a page."""
    representative = view.representative(layer.layer)[:count]
    return LayerStrip(
        name=layer.layer,
        page=view.link(addresses.layer_page(layer.layer), page),
        facts=phrases.layer_facts(view.atlas, layer),
        cards=tuple(card(view, layer, layer.unit(unit), page=page) for unit in representative),
    )


def _rows(view: AtlasView, page: PageAddress) -> tuple[LayerRow, ...]:
    drawn = branch_lines.rows({layer.layer: layer.parents for layer in view.layers.values()})
    count = branch_lines.width(drawn)
    step = max(LANE_NARROWEST, min(LANE_WIDEST, LANES_WIDTH // count))
    middles = tuple(step * lane + step / 2 for lane in range(count))
    source = _stimulus(view, page)
    height = view.atlas.preprocessing.crop[0]
    most = max((layer.units for layer in view.layers.values()), default=1)
    return tuple(
        LayerRow(
            strip=strip(view, layer, page),
            field=_field(view, layer, source),
            bar=Bar(
                max(1.0, round(BAR_LENGTH * layer.units / most, 1)),
                max(1.0, round(BAR_HEIGHT * layer.shape[1] / height, 1)),
            ),
            lanes=Lanes(middles, step * count, row),
        )
        for layer, row in zip(view.layers.values(), drawn, strict=True)
    )


def _field(view: AtlasView, layer: LayerData, source: str) -> BoxedStimulus:
    """A layer's receptive field in the middle of a stimulus, drawn four times as large at most."""
    height, width = view.atlas.preprocessing.crop
    rows = min(layer.receptive_field.size[0], 4 * height)
    columns = min(layer.receptive_field.size[1], 4 * width)
    top, left = (height - rows) // 2, (width - columns) // 2
    label = f"Receptive field of {layer.layer}: {phrases.field_size(layer)}"
    return boxed(source, (height, width), (top, left, top + rows, left + columns), label=label)


def _stimulus(view: AtlasView, page: PageAddress) -> str:
    """The stimulus that receptive fields are drawn over: the strongest of a deep unit."""
    if view.atlas.stimuli:
        for layer, summary in reversed(list(view.summaries())):
            for unit in summary.representative[:1]:
                image = layer.unit(unit).nine[0].image
                return view.link(addresses.image_file(image), page)
    return ""


def _concepts(view: AtlasView) -> tuple[LayerConcepts, ...]:
    """The concepts of each layer that was compared with any."""
    compared = [
        (layer, len(view.concepts_of(layer)))
        for layer in view.layers.values()
        if phrases.are_compared(view.atlas, layer)
    ]
    most = max((count for _, count in compared), default=0) or 1
    return tuple(_layer_concepts(layer, count, most) for layer, count in compared)


def _layer_concepts(layer: LayerData, count: int, most: int) -> LayerConcepts:
    named = sum(bool(unit.concepts) for unit in layer.top)
    return LayerConcepts(
        name=layer.layer,
        units=phrases.share(named, len(layer.top)),
        percent=round(100 * named / len(layer.top), 1),
        concepts=count,
        length=round(100 * count / most, 1),
    )


def _preview(view: AtlasView) -> Preview | None:
    """The plate of the deepest representative unit."""
    for layer, summary in reversed(list(view.summaries())):
        for unit in summary.representative[:1]:
            return preview(view, layer, unit)
    return None
