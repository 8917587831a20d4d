"""The close-ups of layers that see most of an image: how large they are, unit by unit.

A close-up has one size for all nine of a unit, so some of them go down once before any is drawn.
Where each lies is decided when it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.room import note_pieces, room
from atlas.compute.second_pass import Projections, Visit, revisit
from atlas.compute.stage import Stage
from atlas.data import estimates
from atlas.data.documents import CLOSE_UPS, LAYER, NINE, PerUnit, UnitCloseUps, UnitNine
from atlas.data.plan import Plan
from atlas.data.records import Corners, Pair
from atlas.reconstruction import close_ups
from atlas.scanning.topk import EMPTY, TopNine

if TYPE_CHECKING:
    from atlas.compute.run import Run

EXTENT = 4  # numbers of an extent


def run(run: Run) -> None:
    """Measure the close-ups of all units that are shown, in layers whose tiles are close-ups."""
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
        doing="measuring close-ups",
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
        measured = tuple(
            UnitCloseUps(unit.unit, _side(run, unit, stores[name][row], most))
            for row, unit in enumerate(units)
        )
        run.write(CLOSE_UPS, PerUnit(measured), name)


Shown = dict[str, tuple[int, tuple[UnitNine, ...]]]


def _winners(run: Run) -> tuple[Shown, dict[str, TopNine]]:
    """The layers with close-ups: the largest side, the units, the records of some winners."""
    shown: Shown = {}
    records = {}
    for layer in run.network.choose(run.settings.layer_globs):
        most = run.read(LAYER, layer.id).close_up
        if most:
            units = run.read(NINE, layer.id).units
            shown[layer.id] = most, units
            own = run.record(layer.id).only([one.unit for one in units]).bare()
            records[layer.id] = _sampled(own)
    return shown, records


def _sampled(record: TopNine) -> TopNine:
    """The same record with all places empty but those of the winners that decide the size."""
    image = np.full_like(record.image, EMPTY)
    for unit in np.flatnonzero((record.image != EMPTY).any(1)).tolist():
        ranks = list(close_ups.sampled(record.count(unit)))
        image[unit, ranks] = record.image[unit, ranks]
    return replace(record, image=image)


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
        gathered = [one for of_rank in run.ranks.gather(own) for one in of_rank]
        for name, rows, ranks, found in gathered:
            stores[name][rows, ranks] = found
        pieces = (((stores[name],), rows, ranks) for name, rows, ranks, _ in gathered)
        note_pieces(run.checkpoint, pieces)
        run.checkpoint["visited"] = (run.checkpoint["visited"] or 0) + run.ranks.count
        run.checkpoint.commit()


def extents(found: Projections, frame: Pair) -> list[Corners]:
    """Where the energy of each of some reconstructions lies in a frame of this height and width."""
    return [
        close_ups.extent(values, found.corner(place), frame)
        for place, values in enumerate(found.values)
    ]


def _side(run: Run, unit: UnitNine, extents: np.ndarray, most: int) -> int | None:
    """The side of a unit's close-ups; extents ``[9, 4]`` that weren't measured are empty."""
    if not unit.nine:
        return None
    top, left, bottom, right = unit.nine[0].box
    side = close_ups.side_of(extents.tolist(), most, run.network.preprocessing.crop)
    return close_ups.closer(side, (bottom - top, right - left))


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
    estimate=estimates.close_ups,
    scratch=_scratch,
)
