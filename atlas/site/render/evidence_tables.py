"""How the reconstructions fared when they were tried: tables for units, layers and atlases.

The rows and columns are ``atlas.site.measure_words``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atlas.data.measures import mean
from atlas.data.records import LayerSummary, Unit
from atlas.site import phrases
from atlas.site.measure_words import MEASURE_WORDS, MeasureWords


@dataclass(frozen=True)
class Row:
    """A row of a table: its head and its figures."""

    head: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table with a head for each column of figures."""

    heads: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Cell:
    """A measure's value, and that of its baseline, "" where it has none."""

    figure: str
    baseline: str


@dataclass(frozen=True)
class WideRow:
    """A row of a wide table: its head and its cells."""

    head: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class WideTable:
    """A table with a column for each measure that is no other's baseline."""

    heads: tuple[str, ...]
    rows: tuple[WideRow, ...]


def of_unit(unit: Unit, summary: LayerSummary) -> Table | None:
    """Every measure's mean over a unit's nine and over its layer; None if nothing was tried."""
    if not unit.evidence:
        return None
    means = summary.evidence or {}
    rows = [
        Row(
            measure.text,
            (
                figure(mean(unit.evidence.get(measure.name, ())), measure),
                figure(means.get(measure.name), measure),
            ),
        )
        for measure in MEASURE_WORDS
    ]
    return Table(("this unit", "its layer"), tuple(rows))


def of_layer(summary: LayerSummary) -> Table | None:
    """Every measure's mean over a layer; None if nothing was tried."""
    if not summary.evidence:
        return None
    means = summary.evidence
    rows = [Row(m.text, (figure(means.get(m.name), m),)) for m in MEASURE_WORDS]
    return Table(("mean of its units",), tuple(rows))


def of_atlas(summaries: Sequence[LayerSummary]) -> WideTable | None:
    """A row for each layer with every measure's mean; None if nothing was tried."""
    measures = [measure for measure in MEASURE_WORDS if measure.head]
    rows = [
        WideRow(summary.layer, tuple(_cell(summary.evidence, measure) for measure in measures))
        for summary in summaries
        if summary.evidence
    ]
    return WideTable(tuple(m.head for m in measures), tuple(rows)) if rows else None


def _cell(means: Mapping[str, float], measure: MeasureWords) -> Cell:
    own = figure(means.get(measure.name), measure)
    base = figure(means.get(measure.baseline), measure) if measure.baseline else ""
    return Cell(own, base)


def figure(value: float | None, measure: MeasureWords) -> str:
    """A measure's value, or a dash where there is none."""
    if value is None:
        return "–"
    return percent(value) if measure.is_share else phrases.signed(value)


def percent(value: float | None) -> str:
    """A share in percent, or a dash where there is none."""
    return "–" if value is None else f"{round(100 * value)} %"


def of_winner(unit: Unit, rank: int) -> str:
    """How one of the nine reconstructions fared, in a few words; "" if nothing was tried."""
    if not unit.evidence:
        return ""
    kept = percent(unit.evidence["kept"][rank])
    lost = percent(unit.evidence["lost"][rank])
    ssim = unit.evidence["ssim"][rank]
    like = f", likeness {phrases.signed(ssim)}" if ssim is not None else ""
    return f"keeps {kept}, loses {lost}{like}"


MORE = 0.2  # of the activation: marks that keep so much more than a baseline point at something
ALIKE = 0.5  # SSIM above which two pictures show much the same


def trust(unit: Unit, *, image_free: bool) -> str:
    """What the trials say of a unit's pictures, in a sentence; "" if nothing was tried.

    They are good where the marks keep clearly more than a mask elsewhere and the control draws
    something else, and bad where the marks don't. What speaks against them is said as well: that
    the control draws in the same places, that other units draw the same. No verdict is on pictures
    that are ``image_free`` (see ``LayerFacts``).
    """
    found = {name: mean(values) for name, values in (unit.evidence or {}).items()}
    kept, elsewhere, ssim = (found.get(name) for name in ("kept", "kept_elsewhere", "ssim"))
    if kept is None or ssim is None:
        return ""
    baseline = "" if elsewhere is None else f" (a mask elsewhere {percent(elsewhere)})"
    draws = "much the same" if ssim > ALIKE else "something else"
    where, alone = "", ""
    places = found.get("rank")
    if places is not None and ssim <= ALIKE < places:
        where = f", though largely in the same places (correlation {phrases.signed(places)})"
    if own := found.get("own"):
        alone = f" {percent(own)} of what they show is this unit's alone."
    points, differs = kept - (elsewhere or 0.0) > MORE, ssim <= ALIKE
    verdict = "Hardly" if not points else "Fairly well" if differs else "Partly"
    if image_free:
        verdict = "They show the unit's filters, whatever the image"
    return (
        f"{verdict}: what they mark keeps {percent(kept)} of the activation{baseline}, and a "
        f"network with shuffled weights draws {draws} (likeness {phrases.signed(ssim)} of 1)"
        f"{where}.{alone}"
    )
