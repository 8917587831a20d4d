"""All units as one table: ``units.csv``, and ``units.parquet`` where pyarrow is installed."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import io
from collections.abc import Iterator

from atlas.data.faces import FACES
from atlas.data.plan import Plan
from atlas.data.telling import TELLING
from atlas.site.columns import COLUMNS, Known, Value
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
    return [
        Known(
            facts,
            unit,
            view.followed(layer, unit.unit),
            faces.get(unit.unit),
            telling.get(unit.unit),
            drawn.get(unit.unit),
        )
        for unit in facts.top
    ]


def rows(view: AtlasView) -> list[list[Value]]:
    """A row for each unit, with a value for each of ``COLUMNS``, None where there is none."""
    return [
        [_short(column.of(known)) for column in COLUMNS]
        for layer in view.layers
        for known in known_of(view, layer)
    ]


def files(view: AtlasView) -> Iterator[tuple[str, str | bytes]]:
    """The table's files: (address within the atlas, content)."""
    table = rows(view)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.key for column in COLUMNS])
    writer.writerows(table)
    yield CSV, text.getvalue()
    if has_arrow():
        yield PARQUET, parquet(table)


def has_arrow() -> bool:
    """Whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def parquet(table: list[list[Value]]) -> bytes:
    """The table as Parquet: each column with its type, and what it is as its metadata."""
    arrow = importlib.import_module("pyarrow")
    writing = importlib.import_module("pyarrow.parquet")
    types = {str: arrow.string(), int: arrow.int32(), float: arrow.float64()}
    schema = arrow.schema([
        arrow.field(column.key, types[column.type], metadata={"about": column.about})
        for column in COLUMNS
    ])  # fmt: skip
    columns = [
        arrow.array([row[place] for row in table], types[column.type])
        for place, column in enumerate(COLUMNS)
    ]
    file = io.BytesIO()
    writing.write_table(arrow.Table.from_arrays(columns, schema=schema), file)
    return file.getvalue()


def estimate(plan: Plan) -> int:
    """Bytes of both files."""
    return 260 * plan.units + 8_000


def _short(value: Value) -> Value:
    return float(f"{value:.6g}") if isinstance(value, float) else value
