"""What other rules make of a unit's nine, beside the rule that its plate is drawn by."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.numbered import find
from atlas.data.records import Evidence


class UnitRules(Struct, frozen=True):
    """What came of trying a unit's reconstructions by each of the other rules, by rule.

    There are no figures where nothing was tried.
    """

    unit: int
    evidence: dict[str, Evidence]


class LayerRules(Struct, frozen=True):
    """The other rules of a layer.

    ``asked`` is False where a build adds one by itself, because no image enters a reconstruction by
    its own rule.
    """

    rules: tuple[str, ...]
    asked: bool
    units: tuple[UnitRules, ...]

    def of(self, number: int) -> UnitRules | None:
        """A unit's, by its number."""
        return find(self.units, number)


RULES_BESIDE = Document("rules", LayerRules)
