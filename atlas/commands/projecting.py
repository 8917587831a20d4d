"""How large an atlas will be, before it is computed."""

from __future__ import annotations

from collections.abc import Sequence

from atlas.compute.run import Run
from atlas.compute.stage import Stage
from atlas.data.plan import LayerPlan, Plan
from atlas.site.pages import Page


def plan_of(run: Run) -> Plan:
    """What the atlas of a run will hold."""
    settings = run.settings
    return Plan(
        tuple(
            LayerPlan(min(layer.units, settings.units or layer.units), layer.held.size)
            for layer in run.network.choose(settings.layer_globs)
        ),
        len(run.images),
        run.network.preprocessing.crop,
        pictures=settings.pictures,
        jpeg=settings.jpeg,
        evidence=settings.has_evidence,
        lean=settings.lean,
    )


def size_of(plan: Plan, stages: Sequence[Stage], pages: Sequence[Page]) -> int:
    """About how many bytes an atlas will take: the sum of what its stages and pages estimate."""
    estimates = [*(stage.estimate for stage in stages), *(page.estimate for page in pages)]
    return sum(estimate(plan) for estimate in estimates)
