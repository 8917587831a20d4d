"""Whether the nine tell what excites a unit: a machine's answers to two-alternative questions."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.numbered import find
from atlas.data.records import Pair

NATURAL, SYNTHETIC = 0.92, 0.82  # people's answers, Borowski et al. 2021 (arXiv 2010.12606)
ASKED = 10  # units that a layer's quiz asks about, at most
SIDE, ACROSS = 96, 3  # of an image in a quiz, in pixels; such images in a row
GRID: Pair = (ACROSS, ACROSS + 1)  # rows and columns of a question's sheet
STRONG, WEAK = (0, ACROSS), (1, ACROSS)  # the cells of the two images to choose from


class Question(Struct, frozen=True):
    """One of the machine's questions on a unit, for people.

    ``least`` are the nine images that excite the unit least, ``strong`` the one that is the answer
    and ``weak`` the other. ``machine`` is whether the machine is right by the network's features.
    """

    unit: int
    least: tuple[int, ...]
    strong: int
    weak: int
    machine: bool


class UnitTelling(Struct, frozen=True):
    """The share of right answers by likeness in the network's own features, and in plain pixels.

    None where the unit can't be asked about.
    """

    unit: int
    features: float | None
    pixels: float | None


class LayerTelling(Struct, frozen=True):
    """The answers on a layer's units, ``tasks`` on each.

    ``twin_features`` and ``twin_pixels`` are the mean shares of units of a network with shuffled
    weights, which is compared by its own features; None where none can be asked about. ``quiz`` are
    the questions for people, each on another unit.
    """

    tasks: int
    twin_features: float | None
    twin_pixels: float | None
    units: tuple[UnitTelling, ...]
    quiz: tuple[Question, ...] = ()

    def of(self, number: int) -> UnitTelling | None:
        """A unit's, by its number."""
        return find(self.units, number)


TELLING = Document("telling", LayerTelling)


def quiz_sheet(layer: str, unit: int) -> str:
    """The sheet of a question: the nine least, and beside them the two images to choose from."""
    return f"{layer}/quiz/{unit}.webp"
