"""The winners of the units that are shown: their nine strongest images, by name, class and box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.compute.stage import Stage
from atlas.compute.winners import winner
from atlas.data import estimates, levels
from atlas.data.documents import NINE, LayerNine, UnitNine
from atlas.images.sources import Images
from atlas.networks.layers import Layer
from atlas.scanning.topk import TopNine

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Write down the nine of each layer's units."""
    if not run.leads:
        return
    for layer in run.network.choose(run.settings.layer_globs):
        record = run.record(layer.id)
        units = evenly(record.units, run.settings.units)
        nine = tuple(_nine(run.images, layer, record, unit) for unit in units)
        run.write(NINE, LayerNine(record.images, nine), layer.id)


def evenly(units: int, count: int | None) -> list[int]:
    """The numbers of all units, or of ``count`` of them spread evenly."""
    if count is None or count >= units:
        return list(range(units))
    return [place * units // count for place in range(count)]


def _nine(images: Images, layer: Layer, record: TopNine, unit: int) -> UnitNine:
    nine = []
    for rank in range(record.count(unit)):
        row, column = record.position[unit, rank].tolist()
        image, value = int(record.image[unit, rank]), record.value[unit, rank]
        nine.append(winner(images, layer, image, value, (row, column)))
    first, counts = levels.trimmed(record.counts[unit])
    return UnitNine(unit, int(record.fired[unit]), tuple(nine), (first, tuple(counts)))


STAGE = Stage(
    "nine",
    run,
    (NINE,),
    needs=("scan",),
    inputs=("network", "images"),
    settings=("layers", "units"),
    estimate=estimates.nine,
)
