"""Which units' activations go together over all images, more closely than by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.stage import Stage
from atlas.data import estimates
from atlas.data.documents import NINE, TOGETHER, PerUnit, UnitTogether
from atlas.scanning import independent, sketching

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Compare the sketches of all units that are shown."""
    if not run.leads:
        return
    shown: dict[str, list[int]] = {}
    directions: dict[str, np.ndarray] = {}
    counts: dict[str, np.ndarray] = {}
    for layer in run.network.choose(run.settings.layer_globs):
        record, units = run.record(layer.id), run.read(NINE, layer.id).units
        shown[layer.id] = [one.unit for one in units]
        if record.signs.size:  # statistics were taken
            own = shown[layer.id]
            counts[layer.id] = record.counts[own]
            directions[layer.id] = sketching.directions(
                record.sketch[own], record.signs, counts[layer.id]
            )
    sketched = {name: shown[name] for name in directions}
    alike = sketching.alike(directions, sketched) if sketched else {}
    beyond = independent.reached(counts) if sketched else {}
    for name, numbers in shown.items():
        units_ = tuple(
            UnitTogether(n, tuple(one for one in alike.get((name, n), ()) if one[2] > beyond[name]))
            for n in numbers
        )
        run.write(TOGETHER, PerUnit(units_), name)


STAGE = Stage(
    "together",
    run,
    (TOGETHER,),
    needs=("scan", "nine"),
    inputs=("network",),
    settings=("layers",),
    estimate=estimates.together,
)
