"""What the experiment that maps images and units writes.

A map is a grid. Its cells are full but for the end of the last row, so that nothing overlaps and
nothing is left open.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.experiments.outcomes import Outcome, document_name, picture_file
from atlas.data.records import Pair

NAME = "maps"
IMAGES_SHEET = picture_file(NAME, "images.webp")

Place = tuple[float, float]  # right and down, from 0 to 1


class MappedImage(Struct, frozen=True):
    """An image on the map: its index, its name, its class if it has one.

    ``place`` is where it lies before it is moved to a cell of the grid, ``cell`` (row, column).
    """

    image: int
    name: str
    label: str | None
    place: Place
    cell: Pair


class MappedUnit(Struct, frozen=True):
    """A unit on the map of its layer."""

    unit: int
    place: Place
    cell: Pair


class ImageMap(Struct, frozen=True):
    """The map of images by ``features`` numbers that the network computes of each at ``source``.

    ``grid`` is (rows, columns), ``tile`` the side of a cell of the sheet in pixels, 0 without a
    sheet. ``kin`` is the share of the images whose nearest neighbour by the features is of the same
    class; None where classes aren't known.
    """

    source: str
    features: int
    grid: Pair
    tile: int
    kin: float | None
    images: tuple[MappedImage, ...]


class UnitMap(Struct, frozen=True):
    """The map of a layer's units by what activates them.

    ``silent`` counts the units that are left out, because no image activates them or all do so
    alike, and ``more`` those that are left out because the layer has too many. ``beside`` is the
    mean correlation of two units in cells that share a side, ``any`` that of any two.
    """

    layer: str
    grid: Pair
    tile: int
    silent: int
    more: int
    beside: float
    any: float
    units: tuple[MappedUnit, ...]


class Maps(Struct, frozen=True):
    """All maps of an atlas; ``method`` says how places were found."""

    method: str
    images: ImageMap
    layers: tuple[UnitMap, ...]


MAPS = Document(document_name(NAME), Outcome[Maps])


def sheet_file(layer: str) -> str:
    """The sheet of a layer's map, in the atlas's folder."""
    return picture_file(NAME, f"units-{layer.replace('/', '.')}.webp")


def cells(count: int) -> tuple[Pair, ...]:
    """The cells (row, column) of a map of so many: row by row."""
    across = grid(count)[1]
    return tuple(divmod(number, across) for number in range(count))


def grid(count: int) -> Pair:
    """Rows and columns of a map of so many: nearly square, the last row as full as may be.

    The grid is at most 1.6 times as wide as a square one.
    """
    least = max(1, round(count**0.5))
    across = min(
        range(least, max(least + 1, int(least * 1.6) + 1)),
        key=lambda wide: (-count % wide, wide),
    )
    return -(-count // across), across


def beside(at: dict[Pair, int]) -> Iterator[tuple[int, int]]:
    """The pairs of those whose cells share a side; ``at`` names who lies in each cell."""
    for (row, column), one in at.items():
        for other in ((row, column + 1), (row + 1, column)):
            if other in at:
                yield one, at[other]
