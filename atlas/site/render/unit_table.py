"""All units as one table: ``units.csv``, and ``units.parquet`` where pyarrow is installed."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import io
from collections.abc import Iterator, Sequence

from atlas.data.beside import RULES_BESIDE, LayerRules
from atlas.data.faces import FACES
from atlas.data.plan import Plan
from atlas.data.telling import TELLING
from atlas.site.columns import COLUMNS, Column, Known, Value, of_rules
from atlas.site.render import curves
from atlas.site.render.view import AtlasView

CSV, PARQUET = "units.csv", "units.parquet"


def known_of(view: AtlasView, layer: str) -> list[Known]:
    """What is known of a layer's units."""
    facts = view.layers[layer]
    faces = (
        {one.unit: one for one in view.kept(FACES, layer).units} if view.has(FACES, layer) else {}
    )
    telling = (
        {one.unit: one for one in view.kept(TELLING, layer).units}
        if view.has(TELLING, layer)
        else {}
    )
    drawn = curves.known(view, layer)
    rules = _rules(view, layer)
    return [
        Known(
            facts,
            unit,
            view.followed(layer, unit.unit),
            faces.get(unit.unit),
            telling.get(unit.unit),
            drawn.get(unit.unit),
            rules.of(unit.unit) if rules else None,
        )
        for unit in facts.top
    ]


def _rules(view: AtlasView, layer: str) -> LayerRules | None:
    return view.kept(RULES_BESIDE, layer) if view.has(RULES_BESIDE, layer) else None


def columns_of(view: AtlasView) -> tuple[Column, ...]:
    """The columns of an atlas's table: ``COLUMNS``, and those of the other rules that it tried."""
    some = [one for layer in view.layers if (one := _rules(view, layer))]
    return (*COLUMNS, *of_rules(list(dict.fromkeys(rule for one in some for rule in one.rules))))


def rows(view: AtlasView, columns: Sequence[Column] = COLUMNS) -> list[list[Value]]:
    """A row for each unit, with a value for each of the columns, None where there is none."""
    return [
        [_short(column.of(known)) for column in columns]
        for layer in view.layers
        for known in known_of(view, layer)
    ]


def files(view: AtlasView) -> Iterator[tuple[str, str | bytes]]:
    """The table's files: (address within the atlas, content)."""
    columns = columns_of(view)
    table = rows(view, columns)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.key for column in columns])
    writer.writerows(table)
    yield CSV, text.getvalue()
    if has_arrow():
        yield PARQUET, parquet(table, columns)


def has_arrow() -> bool:
    """Whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def parquet(table: list[list[Value]], columns: Sequence[Column] = COLUMNS) -> bytes:
    """The table as Parquet: each column with its type, and what it is as its metadata."""
    arrow = importlib.import_module("pyarrow")
    writing = importlib.import_module("pyarrow.parquet")
    types = {str: arrow.string(), int: arrow.int32(), float: arrow.float64()}
    schema = arrow.schema([
        arrow.field(column.key, types[column.type], metadata={"about": column.about})
        for column in columns
    ])  # fmt: skip
    values = [
        arrow.array([row[place] for row in table], types[column.type])
        for place, column in enumerate(columns)
    ]
    file = io.BytesIO()
    writing.write_table(arrow.Table.from_arrays(values, schema=schema), file)
    return file.getvalue()


def estimate(plan: Plan) -> int:
    """Bytes of both files."""
    by_rules = sum(30 * layer.beside * layer.units for layer in plan.layers)
    return 260 * plan.units + by_rules + 8_000


def _short(value: Value) -> Value:
    return float(f"{value:.6g}") if isinstance(value, float) else value
