from types import SimpleNamespace
from typing import Any

from atlas.data.records import Unit, Winner
from atlas.site.render.units import _strips

WINNER = Winner(0, "0.png", "dog", 1.0, (0, 0), (0, 0, 4, 4), (0, 0, 4, 4))


def told(unit: Unit, *, evidence: bool) -> list[tuple[str, str]]:
    view: Any = SimpleNamespace(atlas=SimpleNamespace(evidence=evidence))
    page: Any = None
    return [(one.title, one.about) for one in _strips(view, unit, page)]


def test_that_a_unit_fires_with_no_other_is_said_where_it_was_looked_for() -> None:
    none = [("Units that fire together", "None more closely than by chance.")]
    assert told(Unit(3, 5, (WINNER,)), evidence=True) == none
    assert told(Unit(3, 5, (WINNER,)), evidence=False) == []
    assert told(Unit(3, 0, ()), evidence=True) == []  # it never fires
