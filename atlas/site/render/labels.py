"""The pages of classes and concepts: the units of each, from first layer to last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from atlas.data import addresses
from atlas.site.labelled import Label, Labelled, Labels
from atlas.site.render.base import Anchor, Crumb, Entry, PageAddress, Steps
from atlas.site.render.picture_views import PictureViews, of_plates
from atlas.site.render.pictures import Card, card
from atlas.site.render.view import CLASSES, CONCEPTS, AtlasView, Kind


@dataclass(frozen=True)
class LabelLayer:
    """The units of a layer that stand for a label."""

    name: str
    page: str
    count: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class LabelPage:
    """What the page of a class or concept shows.

    ``other`` is the page of the concept of the same name as a class, or the other way round.
    """

    name: str
    lead: str
    about: str
    help: str
    other: Anchor | None
    views: PictureViews | None
    layers: tuple[LabelLayer, ...]


@dataclass(frozen=True)
class ListedLabel:
    """A label in the list of all: its page, how many units it has, and in which layers."""

    name: str
    page: str
    count: int
    layers: str


@dataclass(frozen=True)
class LabelsPage:
    """What the list of all classes, or of all concepts, shows."""

    heading: str
    lead: str
    about: str
    help: str
    labels: tuple[ListedLabel, ...]


_FIRST = (
    "Units that are named after it, or after what nearly the same images show, come first, those "
    "that follow their name best before the others. Then come those "
)
_ABOUT = {
    CLASSES: f"{_FIRST}with so many images of the class among their nine that random images would "
    "agree as well once in a hundred times at most, the most first; so of a hundred units one may "
    "be here by luck. The class is that of the whole "
    "image; the unit may respond to something else in it.",
    CONCEPTS: f"{_FIRST}that overlap with the concept by more than chance, the largest overlap "
    "(intersection over union) first. Hardly any is here by luck: with the masks of other images "
    "one layer in 21 would have any. A unit that looks at a part of a concept overlaps little.",
}
_HELP = {CLASSES: "classes", CONCEPTS: "concepts"}  # the places that say more


def class_entries(view: AtlasView) -> Iterator[Entry]:
    """The pages of the classes as the search finds them."""
    yield from _entries(view, CLASSES)


def concept_entries(view: AtlasView) -> Iterator[Entry]:
    """The pages of the concepts as the search finds them."""
    yield from _entries(view, CONCEPTS)


def _entries(view: AtlasView, kind: Kind) -> Iterator[Entry]:
    for name in view.labels(kind):
        address = view.address(view.label_file(kind, name))
        yield Entry(name, address, "", f"{kind.singular} · {view.name}")


def class_files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The list of the classes, and the page of each: (address within the atlas, HTML)."""
    yield from _files(view, CLASSES)


def concept_files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The list of the concepts, and the page of each: (address within the atlas, HTML)."""
    yield from _files(view, CONCEPTS)


def _files(view: AtlasView, kind: Kind) -> Iterator[tuple[str, str]]:
    labels = view.labels(kind)
    if not labels:
        return
    file = addresses.label_list(view.label_folder(kind))
    yield file, _labels_page(view, kind, labels, file)
    names = list(labels)
    for place, name in enumerate(names):
        page = view.page(view.label_file(kind, name))
        steps = Steps(
            _anchor(view, kind, names[place - 1], page) if place > 0 else None,
            _anchor(view, kind, names[place + 1], page) if place + 1 < len(names) else None,
        )
        yield view.label_file(kind, name), _label_page(view, kind, labels[name], steps)


def _anchor(view: AtlasView, kind: Kind, name: str, page: PageAddress) -> Anchor:
    return Anchor(name, view.label_link(kind, name, page))


def _label_page(view: AtlasView, kind: Kind, label: Label, steps: Steps) -> str:
    file = view.label_file(kind, label.name)
    page = view.page(file)
    other = CONCEPTS if kind == CLASSES else CLASSES
    elsewhere = view.label_link(other, label.name, page)
    head = view.head(
        file,
        title=f"{label.name} ({kind.singular})",
        description=f"The units of {view.name} for the {kind.singular} {label.name}",
        crumbs=(
            Crumb(kind.title, view.address(addresses.label_list(view.label_folder(kind)))),
            Crumb(label.name),
        ),
        steps=steps,
    )
    content = LabelPage(
        name=label.name,
        lead=f"As a {kind.singular}: {_where(label)}.",
        about=_ABOUT[kind],
        help=_HELP[kind],
        other=Anchor(f"The {other.singular} of this name", elsewhere) if elsewhere else None,
        views=of_plates(patches=view.atlas.pictures),
        layers=tuple(_label_layer(view, name, units, page) for name, units in label.layers.items()),
    )
    return view.renderer.page("label.html", head, content)


def _label_layer(
    view: AtlasView, name: str, units: Sequence[Labelled], page: PageAddress
) -> LabelLayer:
    layer = view.layers[name]
    return LabelLayer(
        name=name,
        page=view.link(addresses.layer_page(name), page),
        count=f"{len(units)} of {len(layer.top)} unit{'s' if len(layer.top) > 1 else ''}",
        cards=tuple(
            replace(card(view, layer, one.unit, page=page), facts=(one.said,)) for one in units
        ),
    )


def _labels_page(view: AtlasView, kind: Kind, labels: Labels, file: str) -> str:
    page = view.page(file)
    head = view.head(
        file,
        title=kind.title,
        description=f"The {kind.plural} of {view.name}, and their units",
        crumbs=(Crumb(kind.title),),
    )
    units = {(name, one.unit.unit) for label in labels.values()
             for name, some in label.layers.items() for one in some}  # fmt: skip
    shown = sum(len(layer.top) for layer in view.layers.values())
    content = LabelsPage(
        heading=kind.title,
        lead=f"{len(units):,} of {shown:,} units stand for one of {len(labels):,} {kind.plural}, "
        "or for several.",
        about=_ABOUT[kind],
        help=_HELP[kind],
        labels=tuple(
            ListedLabel(name, view.label_link(kind, name, page), label.count, _span(label))
            for name, label in labels.items()
        ),
    )
    return view.renderer.page("labels.html", head, content)


def _where(label: Label) -> str:
    units = f"{label.count:,} unit{'s' if label.count > 1 else ''}"
    return f"{units} of {_span(label)}" if len(label.layers) == 1 else f"{units}, {_span(label)}"


def _span(label: Label) -> str:
    """The first layer with such units and the last."""
    first, last = next(iter(label.layers)), next(reversed(list(label.layers)))
    return first if first == last else f"from {first} to {last}"
