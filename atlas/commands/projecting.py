"""How large an atlas will be, before it is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from atlas.compute import beside
from atlas.compute.stage import Stage
from atlas.data.extras import NAMES, within
from atlas.data.plan import LayerPlan, Plan
from atlas.data.settings import Settings
from atlas.images.masks import Masks
from atlas.images.sources import Images, label_of
from atlas.live.packing import scripts_size
from atlas.live.program import NotLive
from atlas.live.runnable import runnable
from atlas.networks.checkpoints import Checkpoints
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction import close_ups
from atlas.site.pages import Page


def plan_of(
    network: Network,
    images: Images,
    settings: Settings,
    *,
    masks: Masks | None = None,
    checkpoints: Checkpoints | None = None,
) -> Plan:
    """What the atlas of these settings will hold."""
    chosen = network.choose(settings.layer_globs)
    layers = tuple(
        LayerPlan(
            min(layer.units, settings.units or layer.units),
            layer.held.size,
            layer.units,
            close_ups.largest(
                settings.tiles, layer.held.size, network.preprocessing.input_shape[1:]
            ),
            layer.id,
            len(beside.rules_of(network.graph, layer, settings.rule, settings.other_rules)),
        )
        for layer in chosen
    )
    labels = Counter(label_of(images, index) for index in range(len(images)))
    return Plan(
        layers,
        len(images),
        network.preprocessing.crop,
        classes=any(count > 1 for label, count in labels.items() if label),
        concepts=masks is not None and settings.has_evidence,
        pictures=settings.pictures,
        evidence=settings.has_evidence,
        kept=settings.kept,
        checkpoints=len(checkpoints.files) if checkpoints else 0,
        wants=settings.wants,
        curves=settings.curves,
        live=_live(network, chosen, settings),
    )


def _live(network: Network, layers: Sequence[Layer], settings: Settings) -> int:
    """The bytes of the scripts with the network's numbers; 0 where no page runs it."""
    try:
        return scripts_size(runnable(network, layers, live=settings.live).size)
    except NotLive:
        return 0


@dataclass(frozen=True)
class Fit:
    """What of an atlas fits into its budget: the plan, about how many bytes, what is left out."""

    plan: Plan
    size: int
    left_out: frozenset[str]

    def of(self, settings: Settings) -> Settings:
        """The settings that leave it out, too."""
        if not self.left_out:
            return settings
        without = {*settings.without, *self.left_out}
        return replace(settings, without=tuple(name for name in NAMES if name in without))


def fit(plan: Plan, budget: int, stages: Sequence[Stage], pages: Sequence[Page]) -> Fit:
    """What of a plan fits into so many bytes, the best of its extras first."""

    def size(kept: frozenset[str]) -> int:
        return size_of(replace(plan, kept=kept), stages, pages)

    chosen = within(budget, plan.kept, size)
    return Fit(replace(plan, kept=chosen), size(chosen), plan.kept - chosen)


def size_of(plan: Plan, stages: Sequence[Stage], pages: Sequence[Page]) -> int:
    """About how many bytes an atlas will take: the sum of what its stages and pages estimate."""
    estimates = [*(stage.estimate for stage in stages), *(page.estimate for page in pages)]
    return sum(estimate(plan) for estimate in estimates)


def room_of(plan: Plan, stages: Sequence[Stage], pages: Sequence[Page]) -> int:
    """About how many bytes a build takes on the disk until it is done."""
    return size_of(plan, stages, pages) + sum(stage.scratch(plan) for stage in stages)
