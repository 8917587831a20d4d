"""The stimuli of some images, which a scan may have decoded already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from atlas.images.sources import Images
from atlas.images.stimuli import StimulusCache, stimuli
from atlas.networks.network import Network

if TYPE_CHECKING:
    from atlas.compute.run import Run


def stimuli_of(run: Run, indices: Sequence[int]) -> np.ndarray:
    """Those of a run's images at ``indices``, as ``pixels_again`` gives them."""
    return pixels_again(run.network, run.images, indices, cache=run.cache)


def pixels_again(
    network: Network, images: Images, indices: Sequence[int], *, cache: StimulusCache | None
) -> np.ndarray:
    """The stimuli at ``indices``, in order: ``[N, H, W, C]`` uint8, from the cache if there."""
    source = stimuli(images, network.preprocessing, indices, cache=cache, again=True)
    return np.stack([stimulus.pixels for stimulus in source])
