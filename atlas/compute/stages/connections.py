"""What each unit is made of and what it feeds, read from the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.compute.stage import Stage
from atlas.data import estimates
from atlas.data.documents import CONNECTIONS, NINE, PerUnit, UnitConnections
from atlas.data.records import Link
from atlas.networks.connections import Connection, connections

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Find the strongest filters between the layers' units."""
    if not run.leads:
        return
    network = run.network
    layers = [layer.id for layer in network.choose(run.settings.layer_globs)]
    between = connections(network.graph, network.layers, layers, progress=run.progress)
    for layer in layers:
        own = between[layer]
        units = tuple(
            UnitConnections(one.unit, _links(own.below[one.unit]), _links(own.above[one.unit]))
            for one in run.read(NINE, layer).units
        )
        run.write(CONNECTIONS, PerUnit(units), layer)


def _links(some: list[Connection]) -> tuple[Link, ...]:
    return tuple((one.layer, one.unit, one.share) for one in some)


STAGE = Stage(
    "connections",
    run,
    (CONNECTIONS,),
    needs=("nine",),
    inputs=("network",),
    settings=("layers",),
    estimate=estimates.connections,
)
