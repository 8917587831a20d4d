"""What a scan tells by the way: of each image the peaks of all layers, and one more value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from atlas.networks.operations import Node

Keep = Callable[[np.ndarray, np.ndarray, Mapping[str, np.ndarray]], None]


@dataclass(frozen=True)
class Noting:
    """What is told of the images of each round.

    ``keep`` is given their indices ``[N]``, what ``features`` makes of the value of ``node``,
    ``[N, D]``, and the peaks ``[N, U]`` of each layer by id.
    """

    node: Node
    features: Callable[[Tensor], np.ndarray]
    keep: Keep
