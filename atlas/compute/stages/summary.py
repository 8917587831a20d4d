"""A summary of each layer: its representative units, its evidence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from atlas.compute.filters import pixel_filters
from atlas.compute.representative import patch_contrast, representative
from atlas.compute.stage import Stage
from atlas.data.documents import SUMMARY, Summaries, read_layer
from atlas.data.measures import MEASURES, mean
from atlas.data.records import LayerData, LayerSummary

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Summarise the layers."""
    if not run.leads:
        return
    summaries = []
    for layer in run.network.choose(run.settings.layer_globs):
        known = read_layer(run.folder, layer.id)
        filters = pixel_filters(run.network, layer)
        chosen = representative(known, filters, contrast=patch_contrast(run.folder, known))
        summaries.append(_summary(known, chosen))
    run.write(SUMMARY, Summaries(tuple(summaries)))


def _summary(layer: LayerData, chosen: tuple[int, ...]) -> LayerSummary:
    named = Counter(unit.concepts[0][0] for unit in layer.top if unit.concepts)
    return LayerSummary(
        layer.layer,
        layer.kind,
        layer.units,
        len(layer.top),
        layer.dead,
        chosen,
        _means(layer),
        tuple(named.most_common()),
    )


def _means(layer: LayerData) -> dict[str, float] | None:
    """The mean of each measure over a layer's units; None if none was tried."""
    tried = [unit.evidence for unit in layer.top if unit.evidence]
    found = {}
    for measure in MEASURES:
        of_units = [mean(evidence[measure.name]) for evidence in tried]
        known = [one for one in of_units if one is not None]
        if known:
            found[measure.name] = round(sum(known) / len(known), 6)  # pages round it once more
    return found or None


STAGE = Stage(
    "summary",
    run,
    (SUMMARY,),
    needs=("layers", "nine", "connections", "together", "concepts", "reconstructions", "examples"),
    inputs=("network",),
    settings=("layers",),
)
