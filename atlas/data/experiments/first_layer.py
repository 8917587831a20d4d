"""What the experiment on the first layer's filters writes."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.experiments.outcomes import Outcome, document_name


class Filter(Struct, frozen=True):
    """A filter of the first layer, measured.

    ``norm`` is the root mean square of its weights. ``wins`` is the share of places where its unit
    is the most active of the layer. ``frequency`` is where its spectrum peaks, (rows, columns) in
    cycles a pixel, with columns at least 0. ``orientation`` is the direction of its stripes in
    degrees, 0 for level ones, counted anticlockwise, and ``oriented`` how much they have one, from
    0 to 1. ``colour`` is the share of its energy that is no brightness, and ``aliased`` the share
    at frequencies that its stride can't keep apart. Shares lie between 0 and 1.
    """

    unit: int
    norm: float
    wins: float
    frequency: tuple[float, float]
    orientation: float
    oriented: float
    colour: float
    aliased: float


class FirstLayer(Struct, frozen=True):
    """The filters of a network's first layer.

    ``kernel`` and ``stride`` are (rows, columns) in pixels of the input frame; the units compete at
    ``places`` places of ``images`` images.
    """

    layer: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    images: int
    places: int
    filters: tuple[Filter, ...]


FIRST_LAYER = Document(document_name("first-layer"), Outcome[FirstLayer])
