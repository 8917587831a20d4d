"""The stages of a build, in an order in which each comes after those it needs.

A new analysis is a module here with a ``STAGE``, and its line in this list. Experiments are stages,
too, and stand in ``experiments``: a build has those that are asked for.
"""

from __future__ import annotations

from atlas.compute.stage import Stage
from atlas.compute.stages import (
    close_ups,
    concepts,
    connections,
    contributions,
    curves,
    examples,
    faces,
    figures,
    jpeg,
    layers,
    live,
    names,
    nine,
    peaks,
    reconstructions,
    rules,
    scan,
    small,
    stimuli,
    summary,
    telling,
    things,
    together,
    wants,
)
from atlas.compute.stages.experiments import EXPERIMENT_STAGES
from atlas.data.experiments.table import chosen
from atlas.data.settings import Settings
from atlas.data.wants import NONE

STAGES: tuple[Stage, ...] = (
    scan.STAGE,
    layers.STAGE,
    nine.STAGE,
    connections.STAGE,
    contributions.STAGE,
    together.STAGE,
    concepts.STAGE,
    close_ups.STAGE,
    reconstructions.STAGE,
    examples.STAGE,
    live.STAGE,
    stimuli.STAGE,
    summary.STAGE,
    small.STAGE,
    figures.STAGE,
    jpeg.STAGE,
    peaks.STAGE,
    things.STAGE,
    names.STAGE,
    faces.STAGE,
    telling.STAGE,
    rules.STAGE,
)


def stages_of(settings: Settings) -> tuple[Stage, ...]:
    """The stages of a build: those of every atlas, and what is asked for besides."""
    asked = [] if settings.wants == NONE else [wants.STAGE]
    asked += [] if settings.curves == NONE else [curves.STAGE]
    names = {one.name for one in chosen(settings.experiments)}
    return (*STAGES, *asked, *(stage for stage in EXPERIMENT_STAGES if stage.name in names))
