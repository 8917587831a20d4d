"""The page of a unit: its nine pairs, and all that the atlas knows of it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.documents import NINE
from atlas.data.records import LayerData, Link, Pair, Plate, Unit
from atlas.drawing import pixels
from atlas.site import atlas_phrases, phrases
from atlas.site.render import (
    beside,
    curves,
    evidence_tables,
    faces,
    picture_views,
    snippets,
    unit_names,
    wants,
)
from atlas.site.render.base import Anchor, Crumb, PageAddress, Steps
from atlas.site.render.circuits import Circuit, circuit
from atlas.site.render.pictures import BoxedStimulus, looked_at, preview
from atlas.site.render.training import Training, training
from atlas.site.render.unit_activations import (
    Distribution,
    Spectrum,
    distribution,
    spectrum,
)
from atlas.site.render.view import CLASSES, CONCEPTS, LIVE_PAGE, AtlasView

OTHERS, HELD_BACK = 4, 2  # units in a strip, and of those above that it inhibits, at most
NAMED = 3  # that a unit's page names, at most; its data has them all


@dataclass(frozen=True)
class WinnerPair:
    """One of the nine: its reconstruction and its patch, by their corners (top, left) on the plate.

    ``twin`` and ``marked`` are corners on the plate of what was tried, and ``trial`` says how it
    went; ``rank`` is its place among the nine, ``text`` the winner in words, ``where`` its file and
    its position, ``image`` the link to its image's page, if there is one.
    """

    reconstruction: Pair
    patch: Pair
    twin: Pair
    marked: Pair
    trial: str
    value: str
    label: Anchor | None
    rank: str
    text: str
    where: str
    image: str
    stimulus: BoxedStimulus


@dataclass(frozen=True)
class TriedPlate:
    """The plate of the control twin's reconstructions and of what the unit's own mark."""

    source: str
    plate: Plate


@dataclass(frozen=True)
class Caption:
    """The remarks below the nine pairs.

    Each but ``rule``, ``tiles`` and ``boxes`` is "" where it doesn't apply.
    """

    rule: str
    tiles: str
    boxes: str
    image_free: str
    repeats: str
    outside: str
    credit: str


@dataclass(frozen=True)
class ClassCount:
    """A class, and how many of the nine have it."""

    name: Anchor
    count: int


@dataclass(frozen=True)
class Classes:
    """The classes of the nine: those that several have, and those that one has."""

    several: tuple[ClassCount, ...]
    once: tuple[Anchor, ...]
    agreement: str


@dataclass(frozen=True)
class Overlap:
    """A concept that the unit overlaps with: the intersection over union, also in percent."""

    name: Anchor
    overlap: str
    percent: float


@dataclass(frozen=True)
class FilterTile:
    """A unit's filter on its layer's sheet, as an SVG's view box; the size is the sheet's."""

    view_box: str
    size: Pair


@dataclass(frozen=True)
class Neighbour:
    """Another unit that this one is made of, feeds, or goes together with.

    ``label`` is what it is best called, ``called`` people's own name for it, ``bond`` how strongly
    it is bound, in words. ``page`` and
    ``source``, the link to its small plate, are "" where there is none.
    """

    title: str
    label: str
    called: str
    bond: str
    negative: bool
    page: str
    source: str
    size: Pair


@dataclass(frozen=True)
class Neighbours:
    """A strip of other units: its heading, what its figures are (or ""), and the units, if any."""

    title: str
    about: str
    units: tuple[Neighbour, ...]


@dataclass(frozen=True)
class UnitPage:
    """What a unit's page shows.

    ``label`` is what the unit is best called, None where nothing speaks for a name; ``called``
    people's own name for it in quotation marks, "" for most. ``trust`` says in a sentence what
    ``evidence`` has in a table. ``views`` is None where there is no choice between them,
    ``beside`` where other rules drew nothing.
    ``plate_file`` is the link to its plate. ``overlaps`` is None where nothing was compared with
    concepts, ``filter`` where the layer's filters can't be drawn, ``circuit`` where no unit below
    is known. ``live`` leads to the page that runs the network, with this unit chosen; "" where
    there is none.
    """

    layer: str
    unit: int
    live: str
    label: phrases.Label | None
    called: str
    lead: str
    crisp: bool
    pictures: bool
    stimuli: bool
    views: picture_views.PictureViews | None
    beside: beside.Beside | None
    plate_file: str
    plate: Plate
    pairs: tuple[WinnerPair, ...]
    tried: TriedPlate | None
    caption: Caption
    trust: str
    evidence: evidence_tables.Table | None
    curves: curves.Drawn | None
    naming: unit_names.Naming | None
    faces: faces.Faces | None
    spectrum: Spectrum | None
    distribution: Distribution | None
    classes: Classes | None
    overlaps: tuple[Overlap, ...] | None
    filter: FilterTile | None
    circuit: Circuit | None
    neighbours: tuple[Neighbours, ...]
    training: Training | None
    wants: wants.Wanted | None
    downloads: tuple[Anchor, ...]
    kit: snippets.UnitKit
    snippets: tuple[snippets.Snippet, ...]
    provenance: str
    verify: str


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page of each unit: (address within the atlas, HTML)."""
    for layer in view.layers.values():
        for unit in view.turns.take(layer.top):
            yield addresses.unit_page(layer.layer, unit.unit), unit_page(view, layer, unit)


def unit_page(view: AtlasView, layer: LayerData, unit: Unit) -> str:
    """Nine pairs, large, each with its activation, its class, and its place in the whole image."""
    file = addresses.unit_page(layer.layer, unit.unit)
    page = view.page(file)
    name, titled = f"{layer.layer}/{unit.unit}", view.unit_title(layer.layer, unit.unit)
    label = view.best_label(layer.layer, unit)
    small = pixels.small_plate_of(layer.shown, view.atlas.pictures)
    is_tried = bool(unit.evidence) and view.atlas.keeps("trials")
    head = view.head(
        file,
        title=" · ".join([titled, label.name, label.support] if label else [titled]),
        layer=layer.layer,
        description=phrases.unit_description(view.atlas, layer, unit, label),
        crumbs=(
            Crumb(layer.layer, view.address(addresses.layer_page(layer.layer))),
            Crumb(str(unit.unit)),
        ),
        steps=_steps(view, layer, unit),
        preview=preview(view, layer, unit.unit),
        oembed=f"{unit.unit}.oembed.json" if view.info.base and view.atlas.keeps("cards") else "",
    )
    others = beside.of_unit(view, layer, unit)
    content = UnitPage(
        layer=layer.layer,
        unit=unit.unit,
        live=f"{view.link(LIVE_PAGE, page)}#{name}" if view.is_live else "",
        label=label,
        called=phrases.quoted(view.called(layer.layer, unit.unit)),
        lead=phrases.unit_lead(layer, unit),
        crisp=pixels.is_crisp(layer.shown),
        pictures=view.atlas.pictures,
        stimuli=view.atlas.stimuli,
        views=picture_views.of_pairs(
            patches=view.atlas.pictures, tried=is_tried, beside=others.views if others else ()
        ),
        beside=others,
        plate_file=f"{unit.unit}.webp",
        plate=layer.plate,
        pairs=tuple(
            _pair(view, layer, unit, rank=rank, value=value, small=small, page=page)
            for rank, value in enumerate(phrases.activations([one.value for one in unit.nine]))
        ),
        tried=TriedPlate(f"tried/{unit.unit}.webp", small) if is_tried else None,
        caption=Caption(
            rule=atlas_phrases.rule(view.atlas),
            tiles=phrases.tiles(unit) if unit.nine else "",
            boxes=phrases.boxes([unit]),
            image_free=phrases.image_free(layer),
            repeats=atlas_phrases.repeats(view.atlas),
            outside=phrases.outside(unit),
            credit=atlas_phrases.credit(view.atlas),
        ),
        trust=evidence_tables.trust(unit, image_free=layer.image_free),
        evidence=evidence_tables.of_unit(unit, view.summary(layer.layer)),
        curves=curves.of_unit(view, layer.layer, unit.unit),
        naming=unit_names.of_unit(view, layer.layer, unit.unit, page),
        faces=faces.of_unit(view, layer.layer, unit.unit, page),
        spectrum=spectrum(view, layer, unit, page),
        distribution=distribution(layer, unit),
        classes=_classes(view, unit, page),
        overlaps=_overlaps(view, layer, unit, page),
        filter=_filter(layer, unit.unit),
        circuit=circuit(view, layer, unit, page),
        neighbours=tuple(_strips(view, unit, page)),
        training=training(view, layer, unit.unit, page),
        wants=wants.of_unit(view, layer, unit.unit, page),
        downloads=_downloads(view, unit),
        snippets=snippets.link_of_unit(view, layer, unit),
        kit=snippets.kit(view, layer, unit),
        provenance=atlas_phrases.provenance(view.atlas),
        verify=f"site/{view.name}/{name}",
    )
    return view.renderer.page("unit.html", head, content)


def _steps(view: AtlasView, layer: LayerData, unit: Unit) -> Steps:
    """The units shown before and after a unit."""
    place = bisect_left(layer.top, unit.unit, key=lambda other: other.unit)

    def anchor(other: Unit) -> Anchor:
        return Anchor(view.unit_title(layer.layer, other.unit), f"{other.unit}.html")

    return Steps(
        anchor(layer.top[place - 1]) if place > 0 else None,
        anchor(layer.top[place + 1]) if place + 1 < len(layer.top) else None,
    )


def _pair(
    view: AtlasView,
    layer: LayerData,
    unit: Unit,
    *,
    rank: int,
    value: str,
    small: Plate,
    page: PageAddress,
) -> WinnerPair:
    """One of the nine; ``small`` is the layout of the plate of what was tried."""
    winner = unit.nine[rank]
    image = ""
    if view.atlas.keeps("image-pages"):
        mark = addresses.mark(layer.layer, unit.unit)
        image = f"{view.link(addresses.image_page(winner.image), page)}#{mark}"
    source = ""
    if view.atlas.stimuli:
        source = view.link(addresses.image_file(winner.image), page)
    return WinnerPair(
        reconstruction=layer.plate.place(rank, patch=False),
        patch=layer.plate.place(rank, patch=True),
        twin=small.place(rank, patch=False),
        marked=small.place(rank, patch=True),
        trial=evidence_tables.of_winner(unit, rank),
        value=value,
        label=view.label_anchor(CLASSES, winner.label, page) if winner.label else None,
        rank=phrases.place(rank),
        text=phrases.winner(winner, rank),
        where=phrases.where(winner, layer),
        image=image,
        stimulus=looked_at(source, view.atlas.preprocessing.crop, winner, unit),
    )


def _classes(view: AtlasView, unit: Unit, page: PageAddress) -> Classes | None:
    counts = Counter(winner.label for winner in unit.nine if winner.label)
    if not counts:
        return None
    named = {name: view.label_anchor(CLASSES, name, page) for name in counts}
    return Classes(
        several=tuple(ClassCount(named[n], many) for n, many in counts.most_common() if many > 1),
        once=tuple(named[name] for name, count in counts.items() if count == 1),
        agreement=phrases.agreement(view.atlas, unit),
    )


def _overlaps(
    view: AtlasView, layer: LayerData, unit: Unit, page: PageAddress
) -> tuple[Overlap, ...] | None:
    if not phrases.are_compared(view.atlas, layer):
        return None
    return tuple(
        Overlap(view.label_anchor(CONCEPTS, name, page), f"{share:.2f}", round(100 * share, 1))
        for name, share in unit.concepts[:NAMED]
    )


def _strips(view: AtlasView, unit: Unit, page: PageAddress) -> Iterator[Neighbours]:
    """The strips of units that excite a unit, inhibit it, are fed by it, or fire with it."""
    exciting = [link for link in unit.below if link[2] is None or link[2] > 0]
    inhibiting = [link for link in unit.below if link[2] is not None and link[2] <= 0]
    fed = [link for link in unit.above if link[2] is None or link[2] > 0][:OTHERS]
    fed += [link for link in unit.above if link[2] is not None and link[2] <= 0][:HELD_BACK]
    for title, about, links, bond in (
        ("Excited by", "Share of its squared weights.", exciting[:OTHERS], phrases.weight_share),
        ("Inhibited by", "", inhibiting[:OTHERS], phrases.weight_share),
        (
            "Feeds",
            "Its share of theirs: + excites, − inhibits them.",
            fed,
            phrases.weight_share,
        ),
        (
            "Units that fire together",
            "Correlation over all images, to about ±0.06. Of independent units one in twenty would "
            "show any.",
            unit.alike[:OTHERS],
            phrases.correlation,
        ),
    ):
        if links:
            yield Neighbours(title, about, _neighbours(view, links, page=page, bond=bond))
    if unit.nine and view.atlas.evidence and not unit.alike:
        yield Neighbours("Units that fire together", "None more closely than by chance.", ())


def _neighbours(
    view: AtlasView,
    links: Sequence[Link],
    *,
    page: PageAddress,
    bond: Callable[[float | None], str],
) -> tuple[Neighbour, ...]:
    """Other units and the links to them; units that are not shown have a name only."""
    neighbours = []
    for name, number, strength in links:
        layer = view.layers[name]
        unit = layer.find(number)
        fired = unit is not None and bool(unit.nine)
        label = view.best_label(name, unit) if unit else None
        plate = view.small_plate(name, number, page) if fired else ""
        called = phrases.quoted(view.called(name, number))
        neighbours.append(
            Neighbour(
                title=f"{name}/{number}",
                label=label.name if label else "",
                called=called,
                bond=bond(strength),
                negative=strength is not None and strength < 0,
                page=view.link(addresses.unit_page(name, number), page) if unit else "",
                source=plate,
                size=layer.plate.size,
            )
        )
    return tuple(neighbours)


def _filter(layer: LayerData, unit: int) -> FilterTile | None:
    if layer.filters is None:
        return None
    height, width, across = layer.filters
    row, column = divmod(unit, across)
    left, top = column * (width + pixels.GAP), row * (height + pixels.GAP)
    return FilterTile(
        view_box=f"{left} {top} {width} {height}",
        size=pixels.sheet_size(layer.filters, layer.units),
    )


def _downloads(view: AtlasView, unit: Unit) -> tuple[Anchor, ...]:
    plates = [Anchor("Plate (WebP)", f"{unit.unit}.webp")]
    if view.atlas.keeps("jpeg"):
        plates.append(Anchor("Plate (JPEG)", f"{unit.unit}.jpg"))
    data = [Anchor("Data of the layer's units (JSON)", f"{NINE.name}.json")]
    if view.atlas.keeps("unit-data"):
        data = [Anchor("Data (JSON)", f"{unit.unit}.json")]
    card = [Anchor("Card", f"embed/{unit.unit}.html")] if view.atlas.keeps("cards") else []
    return (*(plates if unit.nine else ()), *data, *card)
