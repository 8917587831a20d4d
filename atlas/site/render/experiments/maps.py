"""The pages of the maps: one of the images, and one of each layer's units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.experiments.maps import (
    IMAGES_SHEET,
    MAPS,
    NAME,
    ImageMap,
    Maps,
    UnitMap,
    beside,
    sheet_file,
)
from atlas.site import phrases
from atlas.site.phrases import percent
from atlas.site.render.base import Anchor, Crumb, PageAddress, Steps
from atlas.site.render.experiments.page import TITLE, Found, experiment_page, file_of, folder
from atlas.site.render.view import AtlasView

CELL = 64  # of a map without a sheet, in units of its SVG
COLOURS = 8


@dataclass(frozen=True)
class MapCell:
    """A cell of a map: its corner, the page it leads to, what it says, and a colour's number.

    ``kind`` is None where a picture is in it.
    """

    x: int
    y: int
    text: str
    href: str
    kind: int | None


@dataclass(frozen=True)
class Map:
    """A map as a template draws it; ``sheet`` is its picture, "" where there is none."""

    label: str
    width: int
    height: int
    cell: int
    sheet: str
    cells: tuple[MapCell, ...]


@dataclass(frozen=True)
class MapLink:
    """A layer's map in a list: its page and its picture."""

    layer: str
    page: str
    sheet: str
    width: int
    height: int
    said: str


@dataclass(frozen=True)
class MapsContent:
    """What the page of the maps shows: that of the images, and the way to the layers'."""

    images: Map
    layers: tuple[MapLink, ...]


@dataclass(frozen=True)
class UnitMapPage:
    """What the page of a layer's map shows."""

    heading: str
    lead: str
    layer: Anchor
    map: Map
    notes: tuple[str, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The pages: (address within the atlas, HTML)."""

    def found(result: Maps, page: PageAddress) -> Found:
        content = MapsContent(
            _images(view, result.images, page),
            tuple(_link(view, one, page) for one in result.layers),
        )
        return Found(findings(result), _about(result), content)

    yield from experiment_page(view, MAPS, found, template="maps.html")
    if view.has(MAPS):
        result = view.document(MAPS).result
        for number, one in enumerate(result.layers if result else ()):
            assert result is not None
            yield _unit_page(view, result, number)


def page_of(view: AtlasView, layer: str) -> str:
    """The page of a layer's map."""
    return f"{folder(view)}/{NAME}/{layer.replace('/', '.')}.html"


def same_class(images: ImageMap) -> tuple[float, float] | None:
    """How many neighbours on the map are of one class, and how many of any two images would be.

    None where classes aren't known, or no two images are of one class.
    """
    labels = [one.label for one in images.images]
    sizes = Counter(labels)
    if None in sizes or not 1 < len(sizes) < len(labels):
        return None
    pairs = list(beside({one.cell: row for row, one in enumerate(images.images)}))
    alike = sum(labels[one] == labels[other] for one, other in pairs) / len(pairs)
    count = len(labels)
    by_chance = sum(size * (size - 1) for size in sizes.values()) / (count * (count - 1))
    return alike, by_chance


def findings(result: Maps) -> tuple[str, ...]:
    """What the figures say, in sentences."""
    images, layers = result.images, result.layers
    sentences = []
    known = same_class(images)
    if known:
        alike, by_chance = known
        sentences.append(
            f"Two images side by side are of the same class in {percent(alike)} of the pairs, any "
            f"two in {percent(by_chance)}."
        )
    if known and images.kin is not None:
        sentences.append(
            f"The map flattens {images.features} dimensions into two. By all {images.features} the "
            f"nearest other image is of the same class for {percent(images.kin)} of the images."
        )
    if layers:
        deepest = next((one for one in layers if one.layer == images.source), layers[-1])
        sentences.extend(_together(one) for one in dict.fromkeys((layers[0], deepest)))
    return tuple(sentences) or (f"{len(images.images)} images lie on the map.",)


def _together(one: UnitMap) -> str:
    return (
        f"Units side by side on the map of {one.layer} correlate at {_signed(one.beside)} on "
        f"average, any two of its units by {_signed(one.any)}."
    )


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _about(result: Maps) -> tuple[str, ...]:
    images = result.images
    way = (
        f"Places are found by {result.method}, which keeps neighbours together and says nothing of "
        "large distances: how far apart two groups lie means little."
        if result.method.startswith("t-SNE")
        else "Places are the two principal components, the directions in which the features vary "
        "most. With scikit-learn installed they would be found by t-SNE, which keeps neighbours "
        "together better."
    )
    return (
        f"Each of {len(images.images)} images, as many of each class as there is room for, stands "
        f"for the {images.features} numbers that the network makes of it at {images.source}, "
        "averaged over positions, before it scores the classes.",
        way,
        "Then all are moved to the cells of a grid, so that none hides another. Of all ways to "
        "fill the grid it is the one whose squared distances add up to the least.",
        "Units are mapped by how strongly each image activates them: those that the same images "
        "activate lie together, wherever in the image they look.",
    )


def _images(view: AtlasView, images: ImageMap, page: PageAddress) -> Map:
    with_page = view.shown_images
    classes = sorted({one.label for one in images.images if one.label is not None})
    cell = images.tile or CELL
    return Map(
        f"A map of {len(images.images)} images: those that the network takes to be alike are close",
        images.grid[1] * cell,
        images.grid[0] * cell,
        cell,
        view.link(IMAGES_SHEET, page) if images.tile else "",
        tuple(
            MapCell(
                one.cell[1] * cell,
                one.cell[0] * cell,
                f"image {one.image}" + (f", {phrases.named(one.label)}" if one.label else ""),
                view.link(addresses.image_page(one.image), page) if one.image in with_page else "",
                None if images.tile else (classes.index(one.label) if one.label else 0) % COLOURS,
            )
            for one in images.images
        ),
    )


def _link(view: AtlasView, one: UnitMap, page: PageAddress) -> MapLink:
    return MapLink(
        one.layer,
        view.link(page_of(view, one.layer), page),
        view.link(sheet_file(one.layer), page),
        one.grid[1] * one.tile,
        one.grid[0] * one.tile,
        f"{len(one.units)} units",
    )


def _unit_page(view: AtlasView, result: Maps, number: int) -> tuple[str, str]:
    one = result.layers[number]
    file = page_of(view, one.layer)
    page = view.page(file)
    heading = f"The units of {one.layer}"
    head = view.head(
        file,
        layer=one.layer if one.layer in view.layers else "",
        title=heading,
        description=f"A map of the units of {one.layer} of {view.title} by what activates them",
        crumbs=(
            Crumb(TITLE, view.address(f"{folder(view)}/index.html")),
            Crumb("Maps", view.address(file_of(view, NAME))),
            Crumb(one.layer),
        ),
        steps=_steps(view, result.layers, number, page),
    )
    shown = (
        "the nine patches that activate it most"
        if view.atlas.pictures
        else "its nine reconstructions"
    )
    notes = [f"Each cell is a unit, with {shown}.", _together(one)]
    if one.silent:
        notes.append(f"Left out are {one.silent} that all images activate alike, or none does.")
    if one.more:
        notes.append(f"{one.more} more would not fit: the map shows some of all, evenly spread.")
    content = UnitMapPage(
        heading,
        "Units that the same images activate lie together.",
        Anchor(one.layer, view.link(addresses.layer_page(one.layer), page)),
        _units(view, one, page),
        tuple(notes),
    )
    return file, view.renderer.page("unit-map.html", head, content)


def _units(view: AtlasView, one: UnitMap, page: PageAddress) -> Map:
    cell = one.tile
    return Map(
        f"A map of {len(one.units)} units of {one.layer}: those that the same images activate "
        "are close",
        one.grid[1] * cell,
        one.grid[0] * cell,
        cell,
        view.link(sheet_file(one.layer), page),
        tuple(
            MapCell(
                unit.cell[1] * cell,
                unit.cell[0] * cell,
                view.unit_title(one.layer, unit.unit),
                view.link(addresses.unit_page(one.layer, unit.unit), page),
                None,
            )
            for unit in one.units
        ),
    )


def _steps(view: AtlasView, layers: Sequence[UnitMap], number: int, page: PageAddress) -> Steps:
    def anchor(place: int) -> Anchor | None:
        if not 0 <= place < len(layers):
            return None
        layer = layers[place].layer
        return Anchor(layer, view.link(page_of(view, layer), page))

    return Steps(anchor(number - 1), anchor(number + 1))
