"""The stages of the experiments, each by the name that its row in the table of experiments has."""

from __future__ import annotations

from atlas.compute.stage import Stage
from atlas.compute.stages.experiments import (
    correspondence,
    first_layer,
    fooling,
    invariance,
    maps,
    memorising,
    occlusion,
)

EXPERIMENT_STAGES: tuple[Stage, ...] = (
    first_layer.STAGE,
    invariance.STAGE,
    occlusion.STAGE,
    correspondence.STAGE,
    fooling.STAGE,
    maps.STAGE,
    memorising.STAGE,
)
