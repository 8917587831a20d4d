"""What the experiment that hides the same part in several images writes."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.experiments.outcomes import Outcome, document_name


class View(Struct, frozen=True):
    """What is compared: a layer's whole maps, place by place, or with ``added`` each map's sum."""

    layer: str
    added: bool


class Distances(Struct, frozen=True):
    """How little alike the changes are: for each image the mean distance to the others' changes.

    A distance is the share of entries whose changes have other signs, from 0 to 1. ``part`` is
    where the same part is hidden, ``random`` where the same shape is hidden elsewhere, the mean
    over the draws.
    """

    part: tuple[float, ...]
    random: tuple[float, ...]


class Part(Struct, frozen=True):
    """A part of a class of images: in which of them it was hidden, and what came of it.

    ``hidden`` is the share of the frame that was hidden, on average. ``distances`` has one entry
    for each view. ``picture`` is the file of the strip that shows some of the images, "" if none.
    """

    concept: str
    label: str | None
    images: tuple[int, ...]
    hidden: float
    distances: tuple[Distances, ...]
    picture: str = ""


class Correspondence(Struct, frozen=True):
    """Parts that were hidden, in several images each.

    ``colour`` has the levels of what hides them, ``margin`` is by how many pixels a part's mask was
    grown, ``draws`` how many random places there are for each image. ``shown`` images of a part
    stand on its strip, in tiles of ``tile`` (height, width) pixels: themselves, the part hidden,
    and the first of the random places.
    """

    views: tuple[View, ...]
    colour: tuple[int, ...]
    margin: int
    draws: int
    shown: int
    tile: tuple[int, int]
    parts: tuple[Part, ...]


CORRESPONDENCE = Document(document_name("correspondence"), Outcome[Correspondence])
