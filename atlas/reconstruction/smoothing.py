"""The stimuli over whose gradients the rule ``smooth`` takes the mean: integrated gradients.

A gradient says what a small change would do. Over the straight way from an image without anything
in it to the stimulus, the gradients times the way's length add up to what the stimulus makes of the
activation (Sundararajan et al. 2017, arXiv 1703.01365). Nothing about it is random.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

SAMPLES = 16  # places on the way


def samples_of(stimuli: Tensor, count: int) -> Iterator[Tensor]:
    """N stimuli ``[N, C, H, W]`` faded towards 0, the mean colour: the middles of equal steps."""
    for step in range(count):
        yield stimuli * ((step + 0.5) / count)
