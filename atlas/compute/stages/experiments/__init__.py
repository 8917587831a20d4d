"""The stages of the experiments, each by the name that its row in the table of experiments has."""

from __future__ import annotations

from atlas.compute.stage import Stage
from atlas.compute.stages.experiments import (
    correspondence,
    dreaming,
    evolution,
    first_layer,
    fooling,
    invariance,
    maps,
    memorising,
    occlusion,
)

EXPERIMENT_STAGES: tuple[Stage, ...] = (
    evolution.STAGE,
    invariance.STAGE,
    first_layer.STAGE,
    occlusion.STAGE,
    correspondence.STAGE,
    memorising.STAGE,
    fooling.STAGE,
    dreaming.STAGE,
    maps.STAGE,
)
