"""One thing or several: what is known of the strongest images of each unit."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.numbered import find
from atlas.data.records import Pair

SIDE, ACROSS, BETWEEN = 72, 3, 1  # of a face's tile in pixels; tiles in a row; cells between faces
GRID: Pair = (3, 2 * ACROSS + BETWEEN)  # rows and columns of the sheet of both faces
TAIL = 10  # images, at least, for each of a unit's strongest: among fewer they are no extreme


class Face(Struct, frozen=True):
    """One of two groups of a unit's strongest images: its nine strongest, and how many it has.

    ``thing`` is what most of it shows and ``share`` of it does; "" and 0 where nothing is known.
    ``clarity`` is the mean cosine of two of its images.
    """

    images: tuple[int, ...]
    count: int
    thing: str
    share: float
    clarity: float


class UnitFaces(Struct, frozen=True, omit_defaults=True):
    """What a unit's strongest images come to: ``images`` counts them.

    ``clarity`` is the mean cosine of two of them, ``apart`` (polysemanticity) 1 less the cosine of
    the two halves into which they fall best. ``redundancy`` is the largest cosine of their mean
    with another unit's, that of ``nearest``, in the layer. None where too few images excite it.
    ``faces`` are two where two groups stand out, the larger first, or none.
    """

    unit: int
    images: int
    clarity: float | None = None
    apart: float | None = None
    redundancy: float | None = None
    nearest: int | None = None
    faces: tuple[Face, ...] = ()


class LayerFaces(Struct, frozen=True):
    """The units of a layer, and what images come to that show one thing.

    A face is as clear as ``clarity`` at least, and two are further apart than ``apart``. Both
    follow from ``sets`` sets of images that show ``of``.
    """

    clarity: float
    apart: float
    sets: int
    of: str
    units: tuple[UnitFaces, ...]

    def unit(self, number: int) -> UnitFaces | None:
        """A unit's, by its number."""
        return find(self.units, number)


FACES = Document("faces", LayerFaces)


def are_a_tail(strongest: int, images: int) -> bool:
    """Whether so few of all images are a unit's strongest that they are the tail of them."""
    return strongest * TAIL <= images


def faces_file(layer: str, unit: int) -> str:
    """The sheet of a unit's two faces."""
    return f"{layer}/faces/{unit}.webp"


def cell(face: int, rank: int) -> Pair:
    """The cell of the sheet, (row, column), where an image of a face stands."""
    row, column = divmod(rank, ACROSS)
    return row, column + face * (ACROSS + BETWEEN)
