"""What units overlap with by more than chance, where there are masks of concepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.compute.stage import Stage
from atlas.data.documents import (
    COMPARISON,
    CONCEPTS,
    IMAGES,
    Comparison,
    PerUnit,
    UnitConcepts,
)
from atlas.data.records import Concept, ConceptFacts
from atlas.errors import AtlasError
from atlas.evidence import concepts

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Compare units with the masks."""
    masks = run.masks if run.settings.has_evidence else None
    if masks is None:
        run.write(COMPARISON, Comparison(None))
        return
    chosen = concepts.choose(masks, run.ranks.share(run.read(IMAGES).aside if run.leads else set()))
    if not chosen:
        raise AtlasError(
            f"{masks.description}: each image with a mask repeats another or can't be read"
        )
    layers = run.network.choose(run.settings.layer_globs)
    overlaps = concepts.overlaps(
        run.network, run.images, masks, layers=layers, chosen=chosen, running=run.running
    )
    if not run.leads:
        return
    for layer in layers:
        own: list[tuple[Concept, ...]] | None = None
        if layer.id in overlaps.of_layers:
            own = concepts.labels(overlaps.names, overlaps.of_layers[layer.id])
        units = tuple(UnitConcepts(unit, own[unit] if own else ()) for unit in range(layer.units))
        run.write(CONCEPTS, PerUnit(units), layer.id)
    facts = ConceptFacts(masks.description, len(chosen), tuple(overlaps.names))
    run.write(COMPARISON, Comparison(facts))


STAGE = Stage(
    "concepts",
    run,
    (COMPARISON, CONCEPTS),
    needs=("scan",),
    inputs=("network", "images", "masks", "slots"),
    settings=("layers", "evidence"),
)
