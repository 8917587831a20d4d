"""Plates and stimuli with boxes, as they stand on pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from atlas.data import addresses
from atlas.data.measures import mean
from atlas.data.records import Corners, LayerData, Pair, Plate, Unit, Winner
from atlas.site import phrases
from atlas.site.measure_words import MEASURE_WORDS
from atlas.site.render.base import PageAddress, Preview
from atlas.site.render.view import AtlasView

CRISP = 12  # boxes up to this side are shown pixel by pixel on cards


@dataclass(frozen=True)
class Order:
    """What the units of a layer can be sorted by: its name in the script, its words, its key.

    ``key`` is None for a unit that has none.
    """

    name: str
    text: str
    key: Callable[[Unit], float | None]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _by_measure(name: str) -> Callable[[Unit], float | None]:
    return lambda unit: _rounded(mean(unit.evidence.get(name, ()))) if unit.evidence else None


ORDERS = (
    Order("strength", "by strength", lambda unit: unit.nine[0].value if unit.nine else 0),
    Order("fired", "by how often it is active", lambda unit: unit.fired),
    Order(
        "agree",
        "by agreement on a class",
        lambda unit: unit.commonest[1] if unit.commonest else None,
    ),
    Order(
        "overlap",
        "by overlap with a concept",
        lambda unit: unit.concepts[0][1] if unit.concepts else None,
    ),
    *(
        Order(measure.name, measure.order, _by_measure(measure.name))
        for measure in MEASURE_WORDS
        if measure.order
    ),
    Order(
        "alike",
        "by likeness to another unit",
        lambda unit: _rounded(unit.alike[0][2]) if unit.alike else None,
    ),
    Order(
        "drawn",
        "by how much of its box it looks at",
        lambda unit: _rounded(unit.drawn_on),
    ),
    Order(
        "outside",
        "by how much lies outside the image",
        lambda unit: _rounded(unit.outside or None),
    ),
)


@dataclass(frozen=True)
class Card:
    """A unit's plate as it stands among others; every link is relative to the page it is on.

    ``source`` is "" for a unit that never fired. ``halves`` says how wide the reconstructions are
    and where the patches begin, in pixels of the plate; it is None without patches. ``keys`` are
    what cards are sorted by, in the order of ``ORDERS``; ``label`` is the class that most of its
    nine have, ``concepts`` what it overlaps with, ``best`` what it is best called, ``called``
    people's own name for it in quotation marks.
    """

    title: str
    page: str
    source: str
    size: Pair
    halves: Pair | None
    crisp: bool
    alt: str
    called: str
    facts: tuple[str, ...]
    keys: tuple[float | None, ...]
    label: str
    concepts: tuple[str, ...]
    best: str


@dataclass(frozen=True)
class BoxedStimulus:
    """A stimulus with a box over it.

    ``source`` is "" where the stimulus may not be shown; ``width`` and ``height`` are those of the
    input frame, and ``extent`` the part of the plane shown, as an SVG's view box;
    ``label`` is "" where what stands around it says what it is. ``close`` is the
    close-up within the box, ``inner`` the effective field, drawn dashed, and ``reach`` what of the
    box can reach the activation: the rest is darkened. Each is None where there is none, or where
    it is the box.
    """

    source: str
    width: int
    height: int
    extent: str
    box: Corners
    label: str
    close: Corners | None = None
    inner: Corners | None = None
    reach: Corners | None = None

    @property
    def shown(self) -> Corners:
        """What the tile beside it shows."""
        return self.close or self.box


def card(
    view: AtlasView, layer: LayerData, unit: Unit, *, page: PageAddress, own: bool = False
) -> Card:
    """A unit's card on a page.

    ``own`` is for the page of its own layer: without the layer's name, with the concept that the
    unit overlaps with.
    """
    called = phrases.quoted(view.called(layer.layer, unit.unit))
    most, best = unit.commonest, view.best_label(layer.layer, unit)
    return Card(
        title=str(unit.unit) if own else f"{layer.layer}/{unit.unit}",
        page=view.link(addresses.unit_page(layer.layer, unit.unit), page),
        source=view.link(addresses.plate_file(layer.layer, unit.unit), page) if unit.nine else "",
        size=layer.plate.size,
        halves=_halves(layer.plate) if unit.nine else None,
        crisp=_is_crisp(layer),
        alt=phrases.plate(layer, unit, called),
        called=called,
        facts=_facts(layer, unit, own, best if view.has_name(layer.layer, unit.unit) else None),
        keys=tuple(order.key(unit) for order in ORDERS),
        label=most[0] if most else "",
        concepts=tuple(name for name, _ in unit.concepts),
        best=best.name if best else "",
    )


def _is_crisp(layer: LayerData) -> bool:
    """Whether plates are enlarged pixel by pixel: those that are drawn from single pixels.

    Others of small boxes have several pixels for each of the image's, and are shown smaller than
    they are, where leaving out pixels makes jagged lines.
    """
    return max(layer.shown) <= CRISP


def _halves(plate: Plate) -> Pair | None:
    start = plate.place(0, patch=True)[1]
    return (start - plate.gutter, start) if plate.patches else None


def _facts(layer: LayerData, unit: Unit, own: bool, name: phrases.Label | None) -> tuple[str, ...]:
    """What a card says; a unit that has a ``name`` is told by it and not by what overlaps."""
    facts = []
    if unit.fired:
        facts.append(f"active in {phrases.share(unit.fired, layer.images)}")
    if 0 < len(unit.nine) < 9:
        facts.append(f"only {len(unit.nine)}")
    if name:
        return (*facts, f"{name.name}, {name.support}")
    most = unit.commonest
    if most and 2 * most[1] > len(unit.nine) > 1:
        facts.append(f"{phrases.named(most[0])} {most[1]} of {len(unit.nine)}")
    if own and unit.concepts:
        concept, overlap = unit.concepts[0]
        facts.append(f"{phrases.named(concept)}, IoU {overlap:.2f}")
    return tuple(facts)


def boxed(source: str, size: Pair, box: Corners, *, label: str) -> BoxedStimulus:
    """A stimulus of this height and width with a box."""
    return BoxedStimulus(source, size[1], size[0], view_box(size, [box]), box, label)


def looked_at(source: str, size: Pair, winner: Winner, unit: Unit) -> BoxedStimulus:
    """A stimulus of this height and width with all the boxes of one of a unit's nine."""
    return replace(
        boxed(source, size, winner.box, label=""),
        close=winner.close_box,
        inner=within(winner.box, unit.effective),
        reach=reach(winner),
    )


def reach(winner: Winner) -> Corners | None:
    """The part of the nominal box that can reach the activation; None where that is all of it."""
    return winner.reach if winner.reach != winner.box else None


def view_box(size: Pair, boxes: list[Corners]) -> str:
    """The smallest box around a frame of this height and width and all the boxes, as SVG has it."""
    top = min([0, *(box[0] for box in boxes)])
    left = min([0, *(box[1] for box in boxes)])
    bottom = max([size[0], *(box[2] for box in boxes)])
    right = max([size[1], *(box[3] for box in boxes)])
    return f"{left} {top} {right - left} {bottom - top}"


def within(box: Corners, part: Corners | None) -> Corners | None:
    """A part of a box, given from the box's own corner, in the frame that the box is in."""
    if part is None:
        return None
    top, left = box[0], box[1]
    return part[0] + top, part[1] + left, part[2] + top, part[3] + left


def preview(view: AtlasView, layer: LayerData, unit: int) -> Preview | None:
    """A unit's plate as the picture of a page's link; None where no plate is kept as JPEG."""
    if not view.atlas.keeps("jpeg") or not layer.unit(unit).nine:
        return None
    return Preview(view.address(addresses.picture_file(layer.layer, unit)), layer.plate.size)
