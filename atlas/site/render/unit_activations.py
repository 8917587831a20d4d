"""What activates a unit less than its nine, and how its activations are spread."""

from __future__ import annotations

import math
from dataclasses import dataclass

from atlas.data import addresses, levels
from atlas.data.records import LayerData, Pair, Unit
from atlas.drawing import pixels
from atlas.site import phrases
from atlas.site.render.base import PageAddress
from atlas.site.render.view import AtlasView

BARS = 48  # of a distribution, at most: its upper six doublings


@dataclass(frozen=True)
class PercentileSample:
    """An image near a percentile; ``left`` is where its patch begins on the strip.

    ``label`` is "" where that image doesn't activate the unit.
    """

    percentile: str
    left: int
    value: str
    label: str


@dataclass(frozen=True)
class Spectrum:
    """Patches of images at some percentiles, side by side on one strip."""

    source: str
    size: Pair
    tile: Pair
    samples: tuple[PercentileSample, ...]


@dataclass(frozen=True)
class Distribution:
    """How many images reach each level of activation.

    ``bars`` is an SVG's path of bars 1 wide and at most 40 high. ``first`` and ``last`` are the
    activations at both ends; ``silent`` says how many images are at level 0, ``less`` counts those
    left of the first bar. ``ninth`` is where the weakest of a full nine stands.
    """

    bars: str
    width: int
    first: str
    last: str
    silent: str
    less: int
    ninth: float | None


def spectrum(view: AtlasView, layer: LayerData, unit: Unit, page: PageAddress) -> Spectrum | None:
    """The patches of a unit's weaker images; None where it has none that may be shown."""
    if not view.atlas.stimuli or not any(sample.winner for sample in unit.spectrum):
        return None
    tile = pixels.strip_tile(layer.receptive_field.size)
    samples = tuple(
        PercentileSample(
            percentile=phrases.percentile(sample.percent),
            left=place * (tile[1] + pixels.GAP),
            value=phrases.activation(sample.winner.value) if sample.winner else "silent",
            label=sample.winner.label or sample.winner.file if sample.winner else "",
        )
        for place, sample in enumerate(unit.spectrum)
    )
    return Spectrum(
        source=view.link(addresses.spectrum_file(layer.layer, unit.unit), page),
        size=pixels.strip_size(tile, len(samples)),
        tile=tile,
        samples=samples,
    )


def distribution(layer: LayerData, unit: Unit) -> Distribution | None:
    """How many images reach each level, as bars; None where no image activates the unit."""
    first, counts = unit.levels
    if not counts:
        return None
    lowest = max(first, first + len(counts) - BARS)
    shown = counts[lowest - first :]
    tallest = max(shown)
    stop = lowest + len(shown)
    return Distribution(
        bars="".join(
            _bar(left, round(40 * count / tallest, 1)) for left, count in enumerate(shown) if count
        ),
        width=len(shown),
        first=phrases.activation(levels.lower_bound(lowest)),
        last=phrases.activation(levels.lower_bound(stop)),
        silent=phrases.without_activation(layer, unit),
        less=sum(counts[: lowest - first]),
        ninth=_place(unit.nine[-1].value, lowest, stop) if len(unit.nine) == 9 else None,
    )


def _bar(left: int, height: float) -> str:
    return f"M{left} 40v-{height}h1v{height}z"


def _place(value: float, lowest: int, stop: int) -> float:
    """Where a value stands between the levels ``lowest`` and ``stop``, a level being 1 wide."""
    low = math.log2(levels.lower_bound(lowest))
    high = math.log2(levels.lower_bound(stop))
    return round((stop - lowest) * (math.log2(value) - low) / (high - low), 2)
