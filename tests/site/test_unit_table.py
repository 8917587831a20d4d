"""The table of units, the charts of layers and the sceptic's claims."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata, spearmanr

from atlas.data.beside import LayerRules, UnitRules
from atlas.data.faces import LayerFaces, UnitFaces
from atlas.data.names import Fall, LayerNames, UnitName
from atlas.data.ranking import ranks
from atlas.data.records import LayerData, Plate, ReceptiveField, Unit, Winner
from atlas.data.telling import LayerTelling, UnitTelling
from atlas.site.claims import LayerFound, claims
from atlas.site.columns import COLUMNS, Known
from atlas.site.ranking import interval, spearman
from atlas.site.render import unit_table

METHODS = Path(__file__).parents[2] / "docs" / "methods.md"


MEASURED = {
    "kept": (0.7,), "kept_elsewhere": (0.2,), "lost": (0.6,), "lost_elsewhere": (0.3,),
    "ssim": (0.1,), "rank": (0.8,), "own": (0.3,),
}  # fmt: skip


def layer_of(units: int = 12) -> LayerData:
    box = (0, 0, 4, 4)
    top = tuple(
        Unit(
            number,
            40 + number,
            (Winner(number, f"{number}.png", "dog", 2.5 + number, (0, 0), box, box),),
            evidence=MEASURED,
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
    view: Any = type("View", (), {"layers": {"conv": layer}, "has": lambda *_: False})
    files = dict(unit_table.files(view))
    rows = list(csv.DictReader(io.StringIO(str(files["units.csv"]))))
    assert len(rows) == 12
    third = rows[3]
    assert third["layer"] == "conv" and third["unit"] == "3" and float(third["strongest"]) == 5.5
    assert third["name"] == "ear" and third["doubt"] == "" and float(third["pearson"]) == 0.8
    assert third["overlap"] == "0.25" and third["told"] == "0.95" and third["clarity"] == ""


def test_each_other_rule_has_columns_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layer_of(2)
    rules = LayerRules(
        ("guided", "lrp"),
        True,
        (UnitRules(0, {"guided": {"kept": (0.5, None, 0.7), "own": (0.25,)}, "lrp": {}}),),
    )
    known = [replace(one, beside=rules.of(one.unit.unit)) for one in known_of(layer)]
    monkeypatch.setattr(unit_table, "known_of", lambda view, name: known)
    there = {"layers": {"conv": layer}, "has": lambda *_: True, "kept": lambda *_: rules}
    files = dict(unit_table.files(type("View", (), there)))  # type: ignore[arg-type]
    first, second = csv.DictReader(io.StringIO(str(files["units.csv"])))
    own = [f"{rule}_{name}" for rule in rules.rules for name in ("kept", "lost", "ssim", "own")]
    assert list(first) == [*(column.key for column in COLUMNS), *own]
    assert [first[key] for key in own] == ["0.6", "", "", "0.25", "", "", "", ""]
    assert [second[key] for key in own] == [""] * 8
    section = METHODS.read_text("utf-8").partition("## Units as a table")[2].partition("\n## ")[0]
    assert all(f"`{key}`" in section for key in own[:4])
    if unit_table.has_arrow():
        parquet = pytest.importorskip("pyarrow.parquet")
        table = parquet.read_table(io.BytesIO(files["units.parquet"]))  # type: ignore[arg-type]
        assert table.column("guided_kept").to_pylist() == [0.6, None]


def test_parquet_has_types_and_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    layer = layer_of()
    monkeypatch.setattr(unit_table, "known_of", lambda view, name: known_of(layer))
    view: Any = type("View", (), {"layers": {"conv": layer}, "has": lambda *_: False})
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
    assert ranks(np.array(one)).tolist() == rankdata(one).tolist()
    if len(set(one)) > 1 and len(set(other)) > 1:
        assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    else:
        assert spearman(one, other) == 0


def found(doubt: str = "", twin: float = 0.6) -> LayerFound:
    layer = layer_of()
    known = known_of(layer, doubt)
    names = LayerNames(100, 0.2, tuple(one.name for one in known if one.name))
    telling = LayerTelling(20, twin, 0.5, tuple(one.telling for one in known if one.telling))
    return LayerFound("conv", known, names, None, telling, False, 2_400)


def verdicts(layer: LayerFound) -> dict[str, bool | None]:
    return {claim.text: claim.findings[0].holds for claim in claims([layer])}


def test_claims_follow_from_figures() -> None:
    assert verdicts(found()) == {
        "What the pictures draw was learned.": True,
        "Where the pictures draw was learned.": False,
        "The pictures mark what their units need.": True,
        "The pictures show the unit, more than its layer.": False,
        "Most units follow something that has a label.": True,
        "Nine images tell what else excites a unit.": True,
        "Where the nine agree, the activation goes with a label.": False,
        "Units whose marks hold are those that go with a label.": False,
    }
    (marks,) = (claim for claim in claims([found()]) if "mark what" in claim.text)
    assert marks.findings[0].size == (
        "kept 70 % (elsewhere 20 %), lost 60 % (elsewhere 30 %), 12 units"
    )


def test_claims_that_figures_deny_are_said_to_be_denied() -> None:
    told = verdicts(found("twin", twin=0.9001))
    assert told["Most units follow something that has a label."] is False
    assert told["Nine images tell what else excites a unit."] is False  # of 95 % right, 90 %
    (names,) = (one for one in claims([found("twin")]) if "has a label" in one.text[-14:])
    assert "12 of" not in names.findings[0].size and "shuffled weights" in names.findings[0].size
    assert all(one.test and one.limit and one.doubt for one in claims([found()]))


def test_a_claim_has_a_finding_for_each_layer_and_says_why_there_is_none() -> None:
    silent = replace(found(), layer="first", image_free=True, names=None, telling=None)
    every = {claim.text: claim for claim in claims([silent, found()])}
    learned = every["What the pictures draw was learned."]
    assert [one.layer for one in learned.findings] == ["first", "conv"]
    assert learned.findings[0].holds is None and "filters" in learned.findings[0].size
    assert learned.layers(True) == ("conv",) and learned.layers(False) == ()
    assert every["Most units follow something that has a label."].findings[0].size == "no labels"


def test_units_are_one_thing_or_not_where_the_strongest_images_are_few_of_all() -> None:
    units = tuple(UnitFaces(number, 36, 0.3, 0.7) for number in range(12))
    faced = replace(found(), faces=LayerFaces(0.4, 0.5, 12, "one class", units))

    def told(images: int) -> tuple[bool | None, str]:
        every = claims([replace(faced, images=images)])
        one = next((claim for claim in every if "one thing" in claim.text), None)
        return (one.findings[0].holds, one.findings[0].size) if one else (None, "")

    assert told(360) == (True, "two things in 0 of 12 units")
    assert told(359) == (None, "")


def test_few_units_are_claimed_nothing_of() -> None:
    layer = layer_of(3)
    known = known_of(layer)
    assert not claims([LayerFound("conv", known, None, None, None, False, 2_400)])


@given(st.floats(-0.95, 0.95), st.integers(20, 400))
def test_the_interval_of_a_correlation_is_that_of_fisher(r: float, count: int) -> None:
    low, high = interval(r, count)
    assert -1 < low < r < high < 1
    plain = pearsonr_interval(r, count)
    assert plain[0] - 0.02 < low <= plain[0] and plain[1] <= high < plain[1] + 0.02


def pearsonr_interval(r: float, count: int) -> tuple[float, float]:
    """Scipy's, which is narrower by the 3 % that ranks cost."""
    rng = np.random.default_rng(0)
    one, other = np.linalg.qr(rng.normal(size=(count, 3)) - 0)[0].T[1:]
    one, other = one - one.mean(), other - other.mean()
    other -= one * (one @ other) / (one @ one)
    pair = one / np.linalg.norm(one), other / np.linalg.norm(other)
    found = pearsonr(pair[0], r * pair[0] + np.sqrt(1 - r * r) * pair[1])
    assert found.statistic == pytest.approx(r)
    between = found.confidence_interval(0.95)
    return float(between.low), float(between.high)
