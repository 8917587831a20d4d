"""The page on the first layer's filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from atlas.data import addresses
from atlas.data.experiments.first_layer import FIRST_LAYER, Filter, FirstLayer
from atlas.site.phrases import share
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.charts import Axis, Chart, Dot, chart
from atlas.site.render.experiments.drawn import Drawn, drawn
from atlas.site.render.experiments.page import Cell, Found, Table, experiment_page, unit_cell
from atlas.site.render.view import AtlasView

DOMINATES = 3.0  # times the median norm
ORIENTED, COLOURED = 0.5, 0.5  # from here on a filter counts as oriented, as one of colour

ABOUT = (
    "A filter that is much stronger than the others drowns them, and one whose unit never wins a "
    "place adds little. A unit wins a place of an image where it is the most active of its layer.",
    "A spectrum says how fast a filter's stripes follow each other. A layer that looks only at "
    "every second pixel can't tell stripes that change faster than every four pixels from slower "
    "ones: they are aliased. Two stripes next to each other, dark and light, are 0.5 cycles a "
    "pixel.",
    "Weights are compared as they meet the normalised input. Biases and batch norm are left out.",
)


@dataclass(frozen=True)
class FirstLayerContent:
    """What the page shows of the filters: the sheet of all, two charts, and all figures."""

    layer: Anchor
    sheet: Drawn | None
    frequencies: Chart
    norms: Chart
    table: Table


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML)."""

    def found(result: FirstLayer, page: PageAddress) -> Found:
        return Found(findings(result), ABOUT, _content(view, result, page))

    yield from experiment_page(view, FIRST_LAYER, found, template="first-layer.html")


def findings(result: FirstLayer) -> tuple[str, ...]:
    """What the figures say, in sentences."""
    filters, count = result.filters, len(result.filters)
    idle = [one.unit for one in filters if not one.wins]
    best = max(filters, key=lambda one: one.wins)
    middle = median(one.norm for one in filters)
    strong = [one.unit for one in filters if one.norm > DOMINATES * middle]
    largest = max(filters, key=lambda one: one.norm)
    limit = 0.5 / max(result.stride)
    oriented = sum(one.oriented >= ORIENTED for one in filters)
    coloured = sum(one.colour >= COLOURED for one in filters)
    most = f"{share(round(best.wins * 10_000), 10_000)} of all"
    sentences = [
        f"{_some(idle, count)} never {'wins' if len(idle) == 1 else 'win'} a place; filter "
        f"{best.unit} wins most, {most}."
        if idle
        else f"Each of the {count} filters wins somewhere; filter {best.unit} wins most, {most}.",
        f"{_some(strong, count)} {'dominates' if len(strong) == 1 else 'dominate'}: more than "
        f"{DOMINATES:g} times as strong as the median one."
        if strong
        else f"No filter dominates: the strongest, {largest.unit}, is "
        f"{largest.norm / (middle or 1):.1f} times as strong as the median one.",
        f"{oriented} of {count} filters have a clear orientation, and {coloured} are filters of "
        "colour.",
    ]
    if max(result.stride) > 1:
        lost = fmean(one.aliased for one in filters)
        sentences.append(
            f"Stride {max(result.stride)} aliases above {limit:g} cycles a pixel, where "
            f"{lost * 100:.0f} % of the filters' energy lies."
        )
    else:
        sentences.append("Stride 1 aliases nothing.")
    return tuple(sentences)


def _some(units: Sequence[int], count: int) -> str:
    more = f" and {len(units) - 5} more" if len(units) > 5 else ""
    return f"{len(units)} of {count} filters ({', '.join(map(str, units[:5]))}{more})"


def _content(view: AtlasView, result: FirstLayer, page: PageAddress) -> FirstLayerContent:
    page_of = view.link(addresses.layer_page(result.layer), page)
    shown = result.layer in view.layers
    return FirstLayerContent(
        Anchor(result.layer, page_of if shown else ""),
        drawn(view, addresses.filters_file(result.layer), page),
        _frequencies(view, result, page),
        _norms(view, result, page),
        Table(
            f"All {len(result.filters)} filters in figures",
            ("filter", "strength", "wins", "cycles a pixel", "orientation", "oriented", "colour",
             "aliased"),
            tuple(_row(view, result.layer, one, page) for one in result.filters),
        ),
    )  # fmt: skip


def _row(view: AtlasView, layer: str, one: Filter, page: PageAddress) -> tuple[Cell, ...]:
    up, along = one.frequency
    figures = (
        f"{one.norm:.3f}", f"{one.wins:.1%}", f"{(up * up + along * along) ** 0.5:.2f}",
        f"{one.orientation:.0f}°", f"{one.oriented:.2f}", f"{one.colour:.0%}", f"{one.aliased:.0%}",
    )  # fmt: skip
    return (unit_cell(view, layer, one.unit, page), *map(Cell, figures))


def _dot(
    view: AtlasView, layer: str, one: Filter, page: PageAddress, *, at: tuple[float, float]
) -> Dot:
    cell = unit_cell(view, layer, one.unit, page)
    return Dot(*at, cell.text, cell.href, int(one.colour >= COLOURED))


def _frequencies(view: AtlasView, result: FirstLayer, page: PageAddress) -> Chart:
    rows, columns = 0.5 / result.stride[0], 0.5 / result.stride[1]
    return chart(
        "Where the spectrum of each filter peaks, in cycles a pixel across and down",
        x=Axis("cycles a pixel, across", 0, 0.5),
        y=Axis("cycles a pixel, down", -0.5, 0.5),
        dots=[_dot(view, result.layer, one, page, at=(one.frequency[1], one.frequency[0]))
              for one in result.filters],
        boxes=[(0, -rows, columns, rows)],
    )  # fmt: skip


def _norms(view: AtlasView, result: FirstLayer, page: PageAddress) -> Chart:
    ordered = sorted(result.filters, key=lambda one: -one.norm)
    return chart(
        "How strong each filter is, the strongest first",
        x=Axis("filters, the strongest first", 0, max(1, len(ordered) - 1)),
        y=Axis("root mean square of the weights", 0, ordered[0].norm * 1.05),
        dots=[_dot(view, result.layer, one, page, at=(place, one.norm))
              for place, one in enumerate(ordered)],
    )  # fmt: skip
