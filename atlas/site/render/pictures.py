"""Plates, and stimuli with boxes over them, as they appear on pages."""

from __future__ import annotations

from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData, Unit
from atlas.drawing import pixels
from atlas.site import phrases
from atlas.site.render.base import AtlasView, PageAddress

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Card:
    """A unit's plate as it appears among others; every link is relative to the page it is on.

    ``keys`` are what cards are sorted by, in the order of ``ORDERS``, None where there is nothing;
    ``label`` is the class that most of its nine have, ``concept`` what it overlaps with most.
    """

    title: str
    page: str
    source: str | None
    size: tuple[int, int]
    crisp: bool
    alt: str
    facts: tuple[str, ...]
    keys: tuple[float | None, ...]
    label: str
    concept: str


# what a layer's units can be sorted by: its name in the script, and in words
ORDERS = (
    ("strength", "by strength"),
    ("fired", "by how often it fires"),
    ("agree", "by agreement on a class"),
    ("overlap", "by overlap with a concept"),
    ("ssim", "by likeness to the control twin"),
    ("kept", "by what its marks keep"),
    ("lost", "by what its marks lose"),
    ("own", "by what is its own"),
    ("alike", "by likeness to another unit"),
    ("drawn", "by how much of its box it draws on"),
    ("outside", "by how much of its boxes lies outside"),
)


@dataclass(frozen=True)
class Frame:
    """A stimulus with a box over it; ``view`` is the part shown, in pixels of the input frame.

    ``source`` is "" where the stimulus may not be shown; ``inner`` is a box drawn more quietly
    within the other.
    """

    source: str
    width: int
    height: int
    view: str
    box: Box
    label: str
    inner: Box | None = None


def card(
    shelf: AtlasView, layer: LayerData, unit: Unit, here: PageAddress, short: bool = False
) -> Card:
    """A unit's card on a page.

    ``short`` is for its layer's own: without the layer's name, with what the unit overlaps with.
    """
    facts = []
    if unit.fired:
        facts.append(f"fired for {phrases.share(unit.fired, layer.images)}")
    if 0 < len(unit.nine) < 9:
        facts.append(f"only {len(unit.nine)}")
    most = unit.commonest
    if most and 2 * most[1] > len(unit.nine) > 1:
        facts.append(f"{most[0]} {most[1]}/{len(unit.nine)}")
    if short and unit.concepts:
        name, share = unit.concepts[0]
        facts.append(f"{name} {share:.2f}")
    tried = unit.evidence
    figures = [
        *(tried.mean(name) if tried else None for name in ("ssim", "kept", "lost", "own")),
        unit.alike[0][2] if unit.alike else None,
        unit.drawn_on,
        unit.outside or None,
    ]
    source = here.to(shelf.address(addresses.plate_file(layer.layer, unit.unit)))
    return Card(
        title=str(unit.unit) if short else f"{layer.layer}/{unit.unit}",
        page=here.to(shelf.address(addresses.unit_page(layer.layer, unit.unit))),
        source=source if unit.nine else None,
        size=layer.plate.size,
        crisp=pixels.is_crisp(layer.receptive_field.size),
        alt=phrases.plate(layer, unit),
        facts=tuple(facts),
        keys=(
            unit.nine[0].value if unit.nine else 0,
            unit.fired,
            most[1] if most else None,
            unit.concepts[0][1] if unit.concepts else None,
            *(None if figure is None else round(figure, 3) for figure in figures),
        ),
        label=most[0] if most else "",
        concept=unit.concepts[0][0] if unit.concepts else "",
    )


def frame(source: str, size: tuple[int, int], box: Box, label: str, inner: Box | None) -> Frame:
    """A stimulus of this height and width with a box, and one within it."""
    height, width = size
    top, left, bottom, right = view(size, [box])
    shown = f"{left} {top} {right - left} {bottom - top}"
    return Frame(source, width, height, shown, box, label, inner)


def view(size: tuple[int, int], boxes: list[Box]) -> Box:
    """The smallest box that holds a frame of this size and all the boxes."""
    top, left = (min([0, *(box[side] for box in boxes)]) for side in (0, 1))
    bottom = max([size[0], *(box[2] for box in boxes)])
    right = max([size[1], *(box[3] for box in boxes)])
    return top, left, bottom, right


def within(box: Box, part: Box | None) -> Box | None:
    """A part of a box, given from the box's own corner, in the frame that the box is in."""
    if part is None:
        return None
    top, left = box[0], box[1]
    return part[0] + top, part[1] + left, part[2] + top, part[3] + left
