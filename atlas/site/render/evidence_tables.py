"""How the reconstructions fared when they were tried: tables for units, layers and atlases.

The rows and columns are ``atlas.site.measure_words``.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def of_atlas(summaries: Sequence[LayerSummary]) -> Table | None:
    """A row for each layer with every measure's mean; None if nothing was tried."""
    rows = [
        Row(summary.layer, tuple(figure(summary.evidence.get(m.name), m) for m in MEASURE_WORDS))
        for summary in summaries
        if summary.evidence
    ]
    return Table(tuple(m.head for m in MEASURE_WORDS), tuple(rows)) if rows else None


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
    like = f". Like the twin's: {phrases.signed(ssim)}" if ssim is not None else ""
    return f"Keeps {kept}; without it, {lost} are lost{like}"
