"""The table of units, the charts of layers and the sceptic's claims."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from atlas.data.names import Fall, LayerNames, UnitName
from atlas.data.records import LayerData, Plate, ReceptiveField, Unit, Winner
from atlas.data.telling import LayerTelling, UnitTelling
from atlas.site.claims import LayerFound, claims
from atlas.site.columns import COLUMNS, Known
from atlas.site.ranking import ranks, spearman
from atlas.site.render import unit_table

METHODS = Path(__file__).parents[2] / "docs" / "methods.md"


def layer_of(units: int = 12) -> LayerData:
    box = (0, 0, 4, 4)
    top = tuple(
        Unit(
            number,
            40 + number,
            (Winner(number, f"{number}.png", "dog", 2.5 + number, (0, 0), box, box),),
            evidence={"kept": (0.7,), "kept_elsewhere": (0.2,), "ssim": (0.1,)},
            concepts=(("ear", 0.25),),
        )
        for number in range(units)
    )
    field = ReceptiveField((4, 4), (1, 1), (0, 0))
    return LayerData(
        "conv",
        "conv",
        "convolution",
        (units, 4, 4),
        field,
        Plate((4, 4), 1, 1),
        images=100,
        top=top,
    )


def known_of(layer: LayerData, doubt: str = "") -> list[Known]:
    fall = Fall(0.8, 0.5, 0.4, 1.0)
    return [
        Known(
            layer,
            unit,
            UnitName(unit.unit, (("and", 0),), "ear", doubt, pearson=fall, auprc=0.6, lift=fall),
            None,
            UnitTelling(unit.unit, 0.95, 0.5),
        )
        for unit in layer.top
    ]


def test_every_column_is_explained_in_the_methods_and_no_other() -> None:
    table = METHODS.read_text("utf-8").partition("## Units as a table")[2].partition("\n## ")[0]
    said = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))
    assert said == {column.key: column.about for column in COLUMNS}


def test_the_table_has_the_figures_of_each_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layer_of()
    monkeypatch.setattr(unit_table, "known_of", lambda view, name: known_of(layer))
    view: Any = type("View", (), {"layers": {"conv": layer}})
    files = dict(unit_table.files(view))
    rows = list(csv.DictReader(io.StringIO(str(files["units.csv"]))))
    assert len(rows) == 12
    third = rows[3]
    assert third["layer"] == "conv" and third["unit"] == "3" and float(third["strongest"]) == 5.5
    assert third["name"] == "ear" and third["doubt"] == "" and float(third["pearson"]) == 0.8
    assert third["overlap"] == "0.25" and third["told"] == "0.95" and third["clarity"] == ""


def test_parquet_has_types_and_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    layer = layer_of()
    monkeypatch.setattr(unit_table, "known_of", lambda view, name: known_of(layer))
    view: Any = type("View", (), {"layers": {"conv": layer}})
    content = dict(unit_table.files(view))["units.parquet"]
    table = parquet.read_table(io.BytesIO(content))  # type: ignore[arg-type]
    assert table.column_names == [column.key for column in COLUMNS]
    assert table.column("unit").to_pylist() == list(range(12))
    assert str(table.schema.field("pearson").type) == "double"
    assert table.schema.field("pearson").metadata[b"about"].startswith(b"Pearson")
    assert table.column("clarity").null_count == 12


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_rank_correlation_is_scipys(pairs: list[tuple[int, int]]) -> None:
    one, other = ([float(n) for n in side] for side in zip(*pairs, strict=True))
    assert ranks(one) == rankdata(one).tolist()
    if len(set(one)) > 1 and len(set(other)) > 1:
        assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    else:
        assert spearman(one, other) == 0


def found(doubt: str = "", twin: float = 0.6) -> LayerFound:
    layer = layer_of()
    known = known_of(layer, doubt)
    names = LayerNames(100, 0.2, tuple(one.name for one in known if one.name))
    telling = LayerTelling(20, twin, 0.5, tuple(one.telling for one in known if one.telling))
    return LayerFound("conv", known, names, None, telling, False)


def test_claims_follow_from_figures() -> None:
    held = {claim.text: claim for claim in claims([found()]) if claim.holds}
    assert set(held) == {
        "Most units of conv follow something that has a label.",
        "The pictures of conv point at what its units need.",
        "The pictures of conv show what was learned, and not the image alone.",
        "Nine images tell what excites a unit of conv.",
    }
    assert held["The pictures of conv point at what its units need."].size == (
        "keeps 70 % against 20 %, 12 units"
    )


def test_claims_that_figures_deny_are_said_to_be_denied() -> None:
    denied = [claim for claim in claims([found("twin", twin=0.9)]) if not claim.holds]
    assert {claim.text.split(",")[0] for claim in denied} >= {
        "That most units of conv follow something that has a label.",
        "That nine images tell what excites a unit of conv",
    }
    assert "12 of" not in denied[0].size and "twin" in denied[0].size
    assert all(claim.test and claim.size and claim.doubt for claim in denied)


def test_few_units_are_claimed_nothing_of() -> None:
    layer = layer_of(3)
    known = known_of(layer)
    assert not claims([LayerFound("conv", known, None, None, None, False)])
