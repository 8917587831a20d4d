"""What the units below contribute to each unit, by the mean over its nine."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from atlas.compute.stage import Stage
from atlas.data import estimates
from atlas.data.documents import CONTRIBUTIONS, NINE, PerUnit, UnitContributions, UnitNine
from atlas.data.records import Feeder, Sums, Winner
from atlas.data.rounding import significant
from atlas.errors import AtlasError
from atlas.images.stimuli import stimuli
from atlas.networks.batching import Batch, forward_batches, slot_by_slot
from atlas.networks.contributions import (
    Parts,
    Where,
    Wiring,
    contributions,
    find_wirings,
    weight_shares,
)
from atlas.networks.graph import Graph

if TYPE_CHECKING:
    from atlas.compute.run import Run

STRONGEST = 6  # units below that are named, and perhaps one more
ROUNDING = 1e4  # times the smallest step between numbers; kernels on GPUs round more than others
BITS = 36  # of a fraction of a unit's strongest activation; as many again are left for the rest


@dataclass(frozen=True)
class _Place:
    """One of a unit's nine; ``row`` is the unit's place among those shown of its layer."""

    layer: str
    row: int
    unit: int
    winner: Winner


@dataclass(frozen=True)
class _Totals:
    """The sums over a layer's shown units' winners: ``[U, S + 3]``.

    The columns are the sources, the rest, the bias and the whole. They are counted in whole
    numbers, of steps of 2 to the power of minus ``exponents`` ``[U]``, so that neither the order
    of images nor the number of ranks makes a difference.
    """

    counts: np.ndarray
    exponents: np.ndarray

    @staticmethod
    def of(units: tuple[UnitNine, ...], wiring: Wiring) -> _Totals:
        """Nothing, yet."""
        strongest = [unit.nine[0].value if unit.nine else 1.0 for unit in units]
        exponents = np.array([BITS - math.frexp(value)[1] for value in strongest], np.int64)
        return _Totals(np.zeros((len(units), wiring.sources.shape[1] + 3), np.int64), exponents)

    def add(self, rows: np.ndarray, parts: Parts) -> None:
        """Add the parts of some winners of the units in these rows."""
        whole = np.column_stack([parts.units, parts.rest, parts.bias, parts.whole])
        steps = np.rint(np.ldexp(whole, self.exponents[rows, None])).astype(np.int64)
        np.add.at(self.counts, rows, steps)

    def means(self, row: int, winners: int) -> np.ndarray:
        """The mean of each column over a unit's winners."""
        means: np.ndarray = np.ldexp(self.counts[row].astype(float), -self.exponents[row]) / winners
        return means


def run(run: Run) -> None:
    """Take the activations of all winners apart."""
    network, slots = run.network, run.slots
    names = [layer.id for layer in network.choose(run.settings.layer_globs)]
    shown = run.ranks.share({name: run.read(NINE, name).units for name in names if run.leads})
    wirings = find_wirings(network.graph, network.layers, names)
    totals = {name: _Totals.of(shown[name], wiring) for name, wiring in wirings.items()}
    places = _by_image(shown, wirings)
    order = slot_by_slot(places, slots)
    blocks = [order[first : first + slots] for first in range(0, len(order), slots)]
    own = list(itertools.chain.from_iterable(blocks[run.ranks.rank :: run.ranks.count]))
    source = stimuli(
        run.images,
        network.preprocessing,
        own,
        workers=run.settings.workers,
        cache=run.cache,
        again=True,
    )
    source = run.progress(source, len(own), "taking apart")
    for batch in forward_batches(source, slots):
        some, rows = _wanted(batch, places, network.graph)
        inputs = batch.inputs(network)
        for name, parts in contributions(network.graph, wirings, inputs, some):
            _check(name, parts, network.graph.dtype)
            totals[name].add(rows[name], parts)
    for gathered in run.ranks.gather({name: one.counts for name, one in totals.items()})[1:]:
        for name, counts in gathered.items():
            totals[name].counts[:] += counts
    if not run.leads:
        return
    for name, units in shown.items():
        sums = [
            _sums(network.graph, wirings[name], unit, totals[name].means(row, len(unit.nine)))
            if name in wirings and unit.nine
            else None
            for row, unit in enumerate(units)
        ]
        own_units = tuple(
            UnitContributions(unit.unit, of_unit) for unit, of_unit in zip(units, sums, strict=True)
        )
        run.write(CONTRIBUTIONS, PerUnit(own_units), name)


def _by_image(
    shown: Mapping[str, tuple[UnitNine, ...]], wirings: Mapping[str, Wiring]
) -> dict[int, list[_Place]]:
    """The winners by their image, in order of the images."""
    places: dict[int, list[_Place]] = defaultdict(list)
    for name in wirings:
        for row, unit in enumerate(shown[name]):
            for winner in unit.nine:
                places[winner.image].append(_Place(name, row, unit.unit, winner))
    return dict(sorted(places.items()))


def _wanted(
    batch: Batch, places: Mapping[int, list[_Place]], graph: Graph
) -> tuple[dict[str, Where], dict[str, np.ndarray]]:
    """The winners among a batch's images by layer, and the rows of their units."""
    some: dict[str, list[tuple[int, _Place]]] = defaultdict(list)
    for slot, stimulus in zip(batch.slots, batch.stimuli, strict=True):
        for place in places[stimulus.index]:
            some[place.layer].append((slot, place))

    def tensor(values: list[int] | list[tuple[int, int]]) -> torch.Tensor:
        return torch.tensor(values, device=graph.device)

    wanted = {
        name: Where(
            tensor([slot for slot, _ in own]),
            tensor([place.unit for _, place in own]),
            tensor([place.winner.position for _, place in own]),
        )
        for name, own in some.items()
    }
    rows = {name: np.array([place.row for _, place in own]) for name, own in some.items()}
    return wanted, rows


def _check(name: str, parts: Parts, dtype: torch.dtype) -> None:
    """Raise ``AtlasError`` where parts don't add up to what the network computed."""
    wrong = np.abs(parts.sum - parts.whole) > ROUNDING * torch.finfo(dtype).eps * parts.size
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise AtlasError(
            f"the contributions to a unit of {name} add up to {parts.sum[at]:.6g}, and the network "
            f"computes {parts.whole[at]:.6g}: this is a fault of the program"
        )


def _sums(graph: Graph, wiring: Wiring, unit: UnitNine, means: np.ndarray) -> Sums:
    """What a unit's pre-activations are sums of, by the means of all columns."""
    sources, (rest, bias, whole) = means[:-3], means[-3:].tolist()
    shares = weight_shares(graph, wiring, unit.unit)
    order = strongest(sources)
    feeders: list[Feeder] = []
    for slot in order:
        source = wiring.source(unit.unit, slot)
        if source and sources[slot]:
            share = None if shares is None else round(float(shares[slot]), 4)
            feeders.append((*source, significant(sources[slot], 7), share))
    named = sum(float(sources[slot]) for slot in order)
    others = float(sources.sum()) - named if len(sources) > len(order) else 0.0
    return Sums(tuple(feeders), *(significant(one, 7) for one in (others, rest, bias, whole)))


def strongest(sources: np.ndarray) -> list[int]:
    """The columns that are named, of contributions ``[columns]``, the strongest first.

    One that takes away is among them wherever there is any: what holds a unit back says as much of
    it as what drives it, and is often smaller than ``STRONGEST`` of those.
    """
    order: list[int] = np.argsort(-np.abs(sources), kind="stable")[:STRONGEST].tolist()
    least = int(np.argmin(sources)) if len(sources) else 0
    if len(sources) and sources[least] < 0 and not (sources[order] < 0).any():
        order.append(least)
    return order


STAGE = Stage(
    "contributions",
    run,
    (CONTRIBUTIONS,),
    needs=("nine",),
    inputs=("network", "images", "slots"),
    settings=("layers",),
    estimate=estimates.contributions,
)
