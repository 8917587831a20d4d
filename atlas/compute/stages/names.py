"""What each unit follows: the form of labels that names it, or the doubt that keeps it unnamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from atlas.compute.naming import named
from atlas.compute.peak_files import read_peaks
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.thing_files import read_things
from atlas.data.documents import CONCEPTS, NINE
from atlas.data.names import NAMES, THINGS, LayerNames
from atlas.data.plan import Plan
from atlas.evidence.peaks import LayerPeaks

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Name the units that are shown."""
    if not run.settings.has_names:
        return
    layers = [layer.id for layer in run.network.choose(run.settings.layer_globs)]
    things = run.ranks.share(run.read(THINGS) if run.leads else None)
    assert things is not None
    if things.reason:
        return
    _, labels = read_things(run.file("things")) if run.leads else (None, None)
    labels = run.ranks.share(labels)
    pieces = [(layer, run.ranks.share(_known(run, layer) if run.leads else None))
              for layer in layers]  # fmt: skip

    def look(piece: tuple[str, _Known | None]) -> dict[str, np.ndarray]:
        _, known = piece
        assert known is not None and labels is not None
        peaks, units, overlaps = known
        found = named(peaks, labels, units, things=things.things, overlaps=overlaps)
        return {"names": np.frombuffer(msgspec.json.encode(found), np.uint8)}

    parts = shared_work(run, pieces, look, what="names")
    for layer, part in zip(layers, parts, strict=False):
        run.write(NAMES, msgspec.json.decode(part["names"].tobytes(), type=LayerNames), layer)


_Known = tuple[LayerPeaks, list[int], dict[int, dict[str, float]]]


def _known(run: Run, layer: str) -> _Known:
    """What a layer's names are found from, at rank 0."""
    rows, _ = read_things(run.file("things"))
    peaks = read_peaks(run.file("peaks", layer))
    units = [one.unit for one in run.read(NINE, layer).units]
    overlaps = (
        {one.unit: dict(one.concepts) for one in run.read(CONCEPTS, layer).units}
        if run.has(CONCEPTS, layer)
        else {}
    )
    return peaks.of(rows), units, overlaps


def _estimate(plan: Plan) -> int:
    return plan.units * 380 if plan.names else 0


STAGE = Stage(
    "names",
    run,
    (NAMES,),
    needs=("peaks", "things", "nine", "concepts"),
    inputs=("network",),
    settings=("layers", "evidence"),
    extras=("names",),
    estimate=_estimate,
)
