"""The stimuli of some of a run's images, which the scan may have decoded already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from atlas.images.stimuli import stimuli

if TYPE_CHECKING:
    from atlas.compute.run import Run


def stimuli_of(run: Run, indices: Sequence[int]) -> np.ndarray:
    """Those at ``indices``, in order: ``[N, H, W, C]`` uint8, from the run's cache if there."""
    source = stimuli(run.images, run.network.preprocessing, indices, cache=run.cache, again=True)
    return np.stack([stimulus.pixels for stimulus in source])
