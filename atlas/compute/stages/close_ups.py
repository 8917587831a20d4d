"""The close-ups of layers that see most of an image: where their units' tiles look.

A close-up has one size for all nine of a unit, so all of them go down once before any is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.room import room
from atlas.compute.second_pass import Projections, Visit, revisit
from atlas.compute.stage import Stage
from atlas.data.documents import CLOSE_UPS, LAYER, NINE, PerUnit, UnitCloseUps, UnitNine
from atlas.data.plan import Plan
from atlas.data.records import Corners, Pair
from atlas.reconstruction import close_ups
from atlas.scanning.topk import TopNine

if TYPE_CHECKING:
    from atlas.compute.run import Run

DATA_BYTES = 190  # of a unit
EXTENT = 4  # numbers of an extent


def run(run: Run) -> None:
    """Place the close-ups of all units that are shown, in layers whose tiles are close-ups."""
    shown, records = run.ranks.share(_winners(run) if run.leads else ({}, {}))
    if not records:
        return
    visits = revisit(
        run.network,
        run.images,
        records,
        run.settings.rule,
        running=run.running,
        after=run.ranks.share(run.checkpoint["visited"] or 0),
        gradients=False,
        doing="placing close-ups",
    )
    stores = {}
    if run.leads:
        stores = {
            name: room(run.scratch / f"{name}.extents", (len(units), 9, EXTENT), np.int32)
            for name, (_, units) in shown.items()
        }
    _measure(run, visits, {name: units for name, (_, units) in shown.items()}, stores)
    if not run.leads:
        return
    for name, (most, units) in shown.items():
        placed = tuple(
            UnitCloseUps(unit.unit, _placed(run, unit, stores[name][row], most))
            for row, unit in enumerate(units)
        )
        run.write(CLOSE_UPS, PerUnit(placed), name)


Shown = dict[str, tuple[int, tuple[UnitNine, ...]]]


def _winners(run: Run) -> tuple[Shown, dict[str, TopNine]]:
    """The layers with close-ups: the largest side, the units, the records of their winners."""
    shown: Shown = {}
    records = {}
    for layer in run.network.choose(run.settings.layer_globs):
        most = run.read(LAYER, layer.id).close_up
        if most:
            units = run.read(NINE, layer.id).units
            shown[layer.id] = most, units
            records[layer.id] = run.record(layer.id).only([one.unit for one in units]).bare()
    return shown, records


def _measure(
    run: Run,
    visits: Iterable[Visit],
    units: Mapping[str, tuple[UnitNine, ...]],
    stores: Mapping[str, np.ndarray],
) -> None:
    """Put the extent of each reconstruction into its layer's store ``[U, 9, 4]``, at rank 0."""
    numbers = {name: np.array([one.unit for one in some]) for name, some in units.items()}
    for visit in visits:
        own = []
        for some in visit.found:
            rows = np.searchsorted(numbers[some.layer.id], some.units)
            found = extents(some.reconstructions, run.network.preprocessing.crop)
            own.append((some.layer.id, rows, some.ranks, found))
        for of_rank in run.ranks.gather(own):
            for name, rows, ranks, found in of_rank:
                stores[name][rows, ranks] = found
        run.checkpoint["visited"] = (run.checkpoint["visited"] or 0) + run.ranks.count
        run.checkpoint.commit()


def extents(found: Projections, frame: Pair) -> list[Corners]:
    """Where the energy of each of some reconstructions lies in a frame of this height and width."""
    return [
        close_ups.extent(values, found.corner(place), frame)
        for place, values in enumerate(found.values)
    ]


def _placed(run: Run, unit: UnitNine, extents: np.ndarray, most: int) -> tuple[Corners, ...]:
    found = [tuple(extent) for extent in extents[: len(unit.nine)].tolist()]
    nominal = [winner.box for winner in unit.nine]
    return close_ups.of_unit(found, nominal, most, run.network.preprocessing.crop)


def _estimate(plan: Plan) -> int:
    return DATA_BYTES * sum(layer.units for layer in plan.layers if layer.close_up)


def _scratch(plan: Plan) -> int:
    """The extents before they are all known."""
    return sum(9 * EXTENT * 4 * layer.units for layer in plan.layers if layer.close_up)


STAGE = Stage(
    "close_ups",
    run,
    (CLOSE_UPS,),
    needs=("scan", "layers", "nine"),
    inputs=("network", "images", "slots"),
    settings=("layers", "rule"),
    estimate=_estimate,
    scratch=_scratch,
)
