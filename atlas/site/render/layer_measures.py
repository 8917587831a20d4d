"""A layer's units by any two of their figures: a chart whose points lead to units, and a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.plan import Plan
from atlas.site.columns import COLUMNS, Column, Known
from atlas.site.ranking import interval, spearman
from atlas.site.render import charts
from atlas.site.render.base import Anchor, Crumb, Steps
from atlas.site.render.unit_table import known_of
from atlas.site.render.view import AtlasView

PAIRS = (("pearson", "clarity"), ("told", "polysemanticity"), ("kept", "ssim"), ("active", "ninth"))
MOST = 600  # units of a layer that one page has room for
MARGIN = 0.03  # of an axis
FEWEST = 3  # units that have both figures of a chart


@dataclass(frozen=True)
class Axis:
    """A figure that a chart can show, and the number of its column in the table."""

    title: str
    column: int
    chosen: str


@dataclass(frozen=True)
class MeasuresPage:
    """What the page shows: a chart, the figures that it can show instead, and the table of all."""

    layer: str
    chart: charts.Chart
    said: str
    across: tuple[Axis, ...]
    up: tuple[Axis, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[Anchor, tuple[str, ...]], ...]
    csv: str


def address(layer: str) -> str:
    """The page's address within the atlas."""
    return f"{layer}/figures.html"


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page of each layer that has one: (address within the atlas, HTML)."""
    for layer in view.layers:
        page = measures_page(view, layer)
        if page:
            yield address(layer), page


def has_page(view: AtlasView, layer: str) -> bool:
    """Whether a layer's units have two figures that a chart can show."""
    if len(view.layers[layer].top) > MOST or not view.atlas.keeps("names"):
        return False
    return _pair(_figures(known_of(view, layer))) is not None


def measures_page(view: AtlasView, layer: str) -> str:
    """The page of a layer; "" where its units have no two figures."""
    if not has_page(view, layer):
        return ""
    known = known_of(view, layer)
    figures = _figures(known)
    pair = _pair(figures)
    assert pair is not None
    x, y = pair
    file = address(layer)
    page = view.page(file)
    points = [
        (a, b, one)
        for a, b, one in zip(figures[x], figures[y], known, strict=True)
        if a is not None and b is not None
    ]
    dots = [
        charts.Dot(
            a, b, _label(layer, one), view.link(addresses.unit_page(layer, one.unit.unit), page)
        )
        for a, b, one in points
    ]
    across, up = [a for a, _, _ in points], [b for _, b, _ in points]
    chart = charts.chart(
        f"The units of {layer}: {x.title} across, {y.title} up",
        x=charts.Axis(x.title, *_ends(across)),
        y=charts.Axis(y.title, *_ends(up)),
        dots=dots,
    )
    columns = list(figures)
    head = view.head(
        file,
        title=f"Figures of {layer}",
        layer=layer,
        description=f"The units of {layer} of {view.name} by any two of their figures",
        crumbs=(
            Crumb(layer, view.address(addresses.layer_page(layer))),
            Crumb("figures"),
        ),
        steps=Steps(),
    )
    content = MeasuresPage(
        layer=layer,
        chart=chart,
        said=_said(across, up, of=len(known)),
        across=_axes(columns, x),
        up=_axes(columns, y),
        heads=tuple(column.title for column in columns),
        rows=tuple(
            (
                Anchor(
                    _label(layer, one),
                    view.link(addresses.unit_page(layer, one.unit.unit), page),
                ),
                tuple(_text(figures[column][place]) for column in columns),
            )
            for place, one in enumerate(known)
        ),
        csv=view.link("units.csv", page),
    )
    return view.renderer.page("layer-figures.html", head, content)


def _label(layer: str, one: Known) -> str:
    """What a point says, and its row's link: the unit, and its name if it has one."""
    name = one.name.name if one.name else ""
    return f"{layer}/{one.unit.unit}" + (f" {name}" if name else "")


def _ends(values: list[float]) -> tuple[float, float]:
    """From where to where an axis goes, so that no point lies on the frame."""
    low, high = min(values), max(values)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def _said(across: list[float], up: list[float], *, of: int) -> str:
    """How the figures go together, as ``figures.js`` says it of others."""
    r = spearman(across, up)
    between = ""
    if len(across) > 3:
        low, high = interval(r, len(across))
        between = f" (95 % interval {low:.2f} to {high:.2f})"
    said = f"Their rank correlation (Spearman) is {r:.2f}{between}".replace("-", "−")
    return f"{len(across)} of {of} units have both figures. {said}."


def _figures(known: list[Known]) -> dict[Column, list[float | None]]:
    """The figures that at least some units have and that differ, by column."""
    found: dict[Column, list[float | None]] = {}
    for column in COLUMNS:
        if not column.title:
            continue
        values = [column.of(one) for one in known]
        numbers = [None if one is None else float(one) for one in values]
        there = {one for one in numbers if one is not None}
        if len(there) > 1 and sum(one is not None for one in numbers) >= FEWEST:
            found[column] = numbers
    return found


def _pair(figures: dict[Column, list[float | None]]) -> tuple[Column, Column] | None:
    """The two figures of the chart as it stands."""
    by_key = {column.key: column for column in figures}
    for one, other in PAIRS:
        if one in by_key and other in by_key:
            both = zip(figures[by_key[one]], figures[by_key[other]], strict=True)
            if sum(a is not None and b is not None for a, b in both) >= FEWEST:
                return by_key[one], by_key[other]
    return None


def _axes(columns: list[Column], chosen: Column) -> tuple[Axis, ...]:
    return tuple(
        Axis(column.title, place, "selected" if column is chosen else "")
        for place, column in enumerate(columns)
    )


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}".replace("-", "−")


def estimate(plan: Plan) -> int:
    """Bytes of all these pages."""
    if "names" not in plan.kept:
        return 0
    return sum(9_000 + 520 * layer.units for layer in plan.layers if layer.units <= MOST)
