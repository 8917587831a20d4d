"""A unit's deletion curves, as a chart and a sentence within what was tried."""

from __future__ import annotations

from dataclasses import dataclass

from atlas.data.curves import CURVES, Between, UnitCurves
from atlas.site import phrases
from atlas.site.render import charts
from atlas.site.render.view import AtlasView

HIGHEST = 1.5  # share of the activation that a chart shows, at most


@dataclass(frozen=True)
class Drawn:
    """The chart of a unit's curves, and what it comes to."""

    chart: charts.Chart
    said: str


def known(view: AtlasView, layer: str) -> dict[int, UnitCurves]:
    """The curves of a layer's units, by unit; none where none were drawn."""
    if not view.has(CURVES, layer):
        return {}
    return {one.unit: one for one in view.kept(CURVES, layer).units}


def of_unit(view: AtlasView, layer: str, unit: int) -> Drawn | None:
    """A unit's; None where it has none."""
    drawn = view.kept(CURVES, layer) if view.has(CURVES, layer) else None
    found = drawn.of(unit) if drawn else None
    if drawn is None or found is None:
        return None
    shares = drawn.shares
    lines = [
        charts.Line("kept by the first alone", _points(shares, found.kept)),
        charts.Line("left without them", _points(shares, found.left)),
        charts.Line("kept, elsewhere", _points(shares, found.kept_elsewhere), dashed=True),
        charts.Line("left, elsewhere", _points(shares, found.left_elsewhere), dashed=True),
    ]
    top = max(1.0, *(value for line in lines for _, value in line.points if value is not None))
    chart = charts.chart(
        f"The activation of {layer}/{unit} as more of its box is kept, or blurred",
        x=charts.Axis("share of the box, strongest first", 0, 1),
        y=charts.Axis("share of the activation", 0, min(top, HIGHEST)),
        lines=lines,
    )
    said = (
        "Area between the order of its reconstructions and a shifted one: "
        f"{_said(found.kept_between)} by what is kept, {_said(found.left_between)} by what is "
        "blurred. An interval above 0 says that the reconstruction points at what matters."
    )
    return Drawn(chart, said)


def _points(
    shares: tuple[float, ...], values: tuple[float, ...]
) -> list[tuple[float, float | None]]:
    return [(share, min(value, HIGHEST)) for share, value in zip(shares, values, strict=True)]


def _said(of: Between) -> str:
    error = "" if of.error is None else f" ± {of.error:.2f}"
    return f"{phrases.signed(of.mean)}{error}"
