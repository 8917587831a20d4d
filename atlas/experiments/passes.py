"""Running a network on pictures that are no images of the atlas: changed ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import torch
from torch import Tensor

from atlas.networks.network import Network
from atlas.networks.operations import Node


def values_of(
    network: Network, pixels: np.ndarray, nodes: Collection[Node], *, slots: int
) -> Iterator[dict[Node, Tensor]]:
    """The values of some nodes for pictures ``[N, H, W, C]`` uint8, batch by batch.

    Picture i is in slot ``i % slots``, and every batch has as many, so a picture's values don't
    depend on how many come after it. The run stops at the last of the nodes.
    """
    wanted = set(nodes)
    for first in range(0, len(pixels), slots):
        some = pixels[first : first + slots]
        batch = np.concatenate([some, np.repeat(some[:1], slots - len(some), axis=0)])
        found: dict[Node, Tensor] = {}
        with torch.inference_mode():
            for node, values in network.graph.run(network.inputs(batch)):
                if node in wanted:
                    found[node] = values[node][: len(some)].clone()
                    if len(found) == len(wanted):
                        break
        yield found
