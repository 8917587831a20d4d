"""The two faces of a unit whose strongest images fall into two groups, on its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.faces import (
    FACES,
    GRID,
    SIDE,
    Face,
    LayerFaces,
    UnitFaces,
    are_a_tail,
    cell,
    faces_file,
)
from atlas.data.records import Pair
from atlas.site import phrases
from atlas.site.render.base import PageAddress
from atlas.site.render.view import AtlasView

NO_TAIL = (
    " That says little: so large a part of all images often falls in two, whatever the unit; of ten"
    " times as many images the strongest would say more."
)


@dataclass(frozen=True)
class FaceTile:
    """An image of a face: its page, "" without one, and what it is called."""

    page: str
    text: str


@dataclass(frozen=True)
class Faces:
    """Both faces of a unit; ``source`` is the link to their sheet, "" where there is none.

    ``cells`` are the tiles of the sheet, row by row; None stands between the faces, and where a
    face has fewer images. ``titles`` say what each face shows.
    """

    lead: str
    source: str
    size: Pair
    cells: tuple[FaceTile | None, ...]
    titles: tuple[str, ...]
    about: str


def of_unit(view: AtlasView, layer: str, unit: int, page: PageAddress) -> Faces | None:
    """Both faces of a unit; None where it has one or none."""
    if not view.has(FACES, layer):
        return None
    facts = view.kept(FACES, layer)
    known = facts.unit(unit)
    if known is None or not known.faces:
        return None
    source = faces_file(layer, unit)
    there = view.atlas.pictures and view.has_file(source)
    return Faces(
        lead=lead(known, view.atlas.images.different),
        source=view.link(source, page) if there else "",
        size=(GRID[0] * SIDE, GRID[1] * SIDE),
        cells=_cells(view, known.faces, page),
        titles=tuple(map(_title, known.faces)),
        about=about(known, facts),
    )


def lead(known: UnitFaces, images: int) -> str:
    """What a unit's strongest of all images are, and a doubt, where they are many of all."""
    larger, smaller = known.faces
    doubt = "" if are_a_tail(known.images, images) else NO_TAIL
    strongest = f"{smaller.count} of its {known.images} strongest of {images:,} images"
    rest = f"the other {larger.count}"
    if larger.thing and smaller.thing and larger.thing != smaller.thing:
        one, other = phrases.named(smaller.thing), phrases.named(larger.thing)
        return f"Two things: {strongest} show mostly {one}, {rest} {other}.{doubt}"
    kinds = f"Two kinds of {phrases.named(larger.thing)}" if larger.thing else "Two things"
    return f"{kinds}: {strongest} are unlike {rest}.{doubt}"


def about(known: UnitFaces, facts: LayerFaces) -> str:
    """By what the two faces are told apart."""
    one, other = (phrases.signed(face.clarity) for face in known.faces)
    return (
        "Nine of each, as whole images. By the network's own last features, centred on all images: "
        f"two images of one face have a cosine of {one} or {other} in the mean, and the two faces "
        f"are {phrases.signed(known.apart or 0)} apart. Two faces are shown from "
        f"{facts.clarity:.2f} and {facts.apart:.2f} on: so alike, and so far apart, are "
        f"{facts.sets} sets of images that show {facts.of}."
    )


def _title(face: Face) -> str:
    if not face.thing:
        return f"{face.count} images"
    return f"{phrases.named(face.thing)}: {round(100 * face.share)} % of {face.count} images"


def _cells(
    view: AtlasView, faces: Sequence[Face], page: PageAddress
) -> tuple[FaceTile | None, ...]:
    rows, columns = GRID
    cells: list[FaceTile | None] = [None] * (rows * columns)
    for place, face in enumerate(faces):
        for rank, image in enumerate(face.images):
            row, column = cell(place, rank)
            there = image in view.shown_images
            link = view.link(addresses.image_page(image), page) if there else ""
            cells[row * columns + column] = FaceTile(link, f"Image {image}")
    return tuple(cells)
