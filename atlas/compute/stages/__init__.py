"""The stages of a build, in an order in which each comes after those it needs.

A new analysis is a module here with a ``STAGE``, and its line in this list.
"""

from __future__ import annotations

from atlas.compute.stage import Stage
from atlas.compute.stages import (
    close_ups,
    concepts,
    connections,
    contributions,
    examples,
    layers,
    nine,
    reconstructions,
    scan,
    summary,
    together,
)

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
    summary.STAGE,
)
