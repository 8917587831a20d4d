"""Whether the nine tell what excites a unit: a machine's answers to two-alternative questions."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document

NATURAL, SYNTHETIC = 0.92, 0.82  # people's answers, Borowski et al. 2021 (arXiv 2010.12606)


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
    weights, which is compared by its own features; None where none can be asked about.
    """

    tasks: int
    twin_features: float | None
    twin_pixels: float | None
    units: tuple[UnitTelling, ...]

    def of(self, number: int) -> UnitTelling | None:
        """A unit's, by its number."""
        return next((one for one in self.units if one.unit == number), None)


TELLING = Document("telling", LayerTelling)
