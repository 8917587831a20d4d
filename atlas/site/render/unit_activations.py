"""What activates a unit less than its nine, and how its activations are spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from atlas.data import addresses, levels
from atlas.data.records import LayerData, Pair, Sample, Unit
from atlas.drawing import pixels
from atlas.site import phrases
from atlas.site.render.base import PageAddress
from atlas.site.render.view import AtlasView

BARS = 48  # of a distribution, at most: its upper six doublings
WORD = 17  # percent of the width that a percentile takes on a narrow telephone
_BEFORE = {"start": 0.0, "middle": 0.5, "end": 1.0}  # the part of a word left of its place
BAR = 20  # the mean width of a bar, in steps of the picture


@dataclass(frozen=True)
class PatchSample:
    """A patch of a weaker image: where it begins on the strip."""

    left: int


@dataclass(frozen=True)
class Band:
    """The images near a percentile: their activations and classes, in words, and their patches.

    There are no patches where those images don't activate the unit.
    """

    percentile: str
    values: str
    labels: str
    patches: tuple[PatchSample, ...]


@dataclass(frozen=True)
class Spectrum:
    """Patches of images at some percentiles, side by side on one strip."""

    source: str
    size: Pair
    tile: Pair
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Tick:
    """Where a percentile stands in a distribution, in percent of its width.

    ``text`` stands at ``x`` in one of two ``row``s, at the side of it that ``anchor`` says, so that
    it doesn't leave the figure. ``tight`` says that on a telephone it would meet its neighbour.
    """

    x: float
    text: str
    row: int
    anchor: str
    tight: bool = False


@dataclass(frozen=True)
class Distribution:
    """How many images reach each level of activation.

    ``bars`` is an SVG's path around bars on a logarithmic axis, ``width`` long; their areas are as
    the numbers of images, and the highest is 40 high. ``first`` and ``last`` are the activations at
    both ends; ``silent`` says how many images are at level 0, ``less`` counts those
    left of the first bar. ``ninth`` is where the weakest of a full nine stands, in percent of the
    width.
    """

    bars: str
    width: int
    first: str
    last: str
    silent: str
    less: int
    ninth: float | None
    ticks: tuple[Tick, ...]


def spectrum(view: AtlasView, layer: LayerData, unit: Unit, page: PageAddress) -> Spectrum | None:
    """The patches of a unit's weaker images; None where it has none that may be shown."""
    if not view.atlas.strips or not any(sample.winner for sample in unit.spectrum):
        return None
    tile = pixels.strip_tile(layer.shown)
    placed = groupby(enumerate(unit.spectrum), key=lambda one: one[1].percent)
    return Spectrum(
        source=view.link(addresses.spectrum_file(layer.layer, unit.unit), page),
        size=pixels.strip_size(tile, len(unit.spectrum)),
        tile=tile,
        bands=tuple(_band(percent, list(of_it), tile[1] + pixels.GAP) for percent, of_it in placed),
    )


def _band(percent: float, placed: list[tuple[int, Sample]], step: int) -> Band:
    """The samples of a percentile, strongest first, with their places on the strip."""
    shown = [(place, sample.winner) for place, sample in placed if sample.winner]
    shown.sort(key=lambda one: -one[1].value)
    values = [phrases.activation(winner.value) for _, winner in shown]
    labels = dict.fromkeys(winner.label for _, winner in shown if winner.label)
    return Band(
        percentile=phrases.percentile(percent),
        values="–".join(dict.fromkeys([values[-1], values[0]])) if values else "not active",
        labels=", ".join(labels),
        patches=tuple(PatchSample(place * step) for place, _ in shown),
    )


def distribution(layer: LayerData, unit: Unit) -> Distribution | None:
    """How many images reach each level, as bars; None where no image activates the unit."""
    first, counts = unit.levels
    if not counts:
        return None
    lowest = max(first, first + len(counts) - BARS)
    shown = counts[lowest - first :]
    stop = lowest + len(shown)
    width = BAR * len(shown)
    edges = [
        round(width * _place(levels.lower_bound(level), lowest, stop) / 100)
        for level in range(lowest, stop + 1)
    ]
    tallest = max(n / (edges[k + 1] - edges[k]) for k, n in enumerate(shown))
    return Distribution(
        bars=_outline(
            edges, [40 * n / (edges[k + 1] - edges[k]) / tallest for k, n in enumerate(shown)]
        ),
        width=width,
        first=phrases.activation(levels.lower_bound(lowest)),
        last=phrases.activation(levels.lower_bound(stop)),
        silent=phrases.without_activation(layer, unit),
        less=sum(counts[: lowest - first]),
        ninth=_place(unit.nine[-1].value, lowest, stop) if len(unit.nine) == 9 else None,
        ticks=_ticks(unit, lowest, stop),
    )


def _ticks(unit: Unit, lowest: int, stop: int) -> tuple[Tick, ...]:
    """The percentiles that stand on the bars shown, from strong to weak."""
    firsts = {one.percent: one.winner for one in reversed(unit.spectrum) if one.percent}
    places = [
        (percent, _place(winner.value, lowest, stop))
        for percent, winner in sorted(firsts.items(), reverse=True)
        if winner and winner.value >= levels.lower_bound(lowest)
    ]
    ticks: list[Tick] = []
    taken = [math.inf, math.inf]  # of each row, from the right
    for number, (percent, x) in enumerate(places):
        usual = "end" if x > 80 else "start" if x < 20 else "middle"
        row = number % 2
        # where the usual side is taken, the text may end at its line, within the figure
        sides = [one for one in (usual, "end") if x >= WORD * _BEFORE[one]]
        free = [one for one in sides if x + WORD * (1 - _BEFORE[one]) <= taken[row]]
        anchor = free[0] if free else usual
        if free:
            taken[row] = x - WORD * _BEFORE[anchor]
        ticks.append(Tick(x, phrases.percentile(percent), row, anchor, tight=not free))
    return tuple(ticks)


def _outline(edges: Sequence[int], heights: Sequence[float]) -> str:
    """The outline of bars that stand side by side, from left to right, and back on the ground."""
    bars = zip(edges[1:], heights, strict=True)
    steps = (f"V{round(40 - height, 1):g}H{right}" for right, height in bars)
    return f"M{edges[0]} 40{''.join(steps)}V40z"


def _place(value: float, lowest: int, stop: int) -> float:
    """Where a value stands between the levels ``lowest`` and ``stop``, in percent of the way."""
    low = math.log2(levels.lower_bound(lowest))
    high = math.log2(levels.lower_bound(stop))
    return round(100 * (math.log2(value) - low) / (high - low), 2)
