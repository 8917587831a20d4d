"""How large an atlas will be, before it is computed."""

from __future__ import annotations

from collections.abc import Sequence

from atlas.compute.stage import Stage
from atlas.data.plan import LayerPlan, Plan
from atlas.data.settings import Settings
from atlas.images.sources import Images
from atlas.networks.checkpoints import Checkpoints
from atlas.networks.network import Network
from atlas.reconstruction import close_ups
from atlas.site.pages import Page


def plan_of(
    network: Network, images: Images, settings: Settings, checkpoints: Checkpoints | None = None
) -> Plan:
    """What the atlas of these settings will hold."""
    return Plan(
        tuple(
            LayerPlan(
                min(layer.units, settings.units or layer.units),
                layer.held.size,
                layer.units,
                close_ups.largest(
                    settings.tiles, layer.held.size, network.preprocessing.input_shape[1:]
                ),
            )
            for layer in network.choose(settings.layer_globs)
        ),
        len(images),
        network.preprocessing.crop,
        pictures=settings.pictures,
        jpeg=settings.jpeg,
        evidence=settings.has_evidence,
        lean=settings.lean,
        checkpoints=len(checkpoints.files) if checkpoints else 0,
    )


def size_of(plan: Plan, stages: Sequence[Stage], pages: Sequence[Page]) -> int:
    """About how many bytes an atlas will take: the sum of what its stages and pages estimate."""
    estimates = [*(stage.estimate for stage in stages), *(page.estimate for page in pages)]
    return sum(estimate(plan) for estimate in estimates)


def room_of(plan: Plan, stages: Sequence[Stage], pages: Sequence[Page]) -> int:
    """About how many bytes a build takes on the disk until it is done."""
    return size_of(plan, stages, pages) + sum(stage.scratch(plan) for stage in stages)
