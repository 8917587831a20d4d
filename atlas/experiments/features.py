"""Which values of a network are its first and its last feature vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from atlas.networks import operations as ops
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Node


@dataclass(frozen=True)
class Place:
    """A node whose value is a feature vector, and the layer that this is taken from.

    ``read`` says whether it is what the scores are computed from, and not the layer's own maps.
    """

    node: Node
    layer: str
    read: bool

    def numbers(self, network: Network) -> int:
        """How many numbers the vector has."""
        return int(np.prod(network.graph.shapes[self.node]))


def first_and_last(network: Network) -> tuple[Place, Place] | None:
    """The maps of the first layer, and what the scores are computed from.

    Where the network has no scores, or they aren't made by one filter each, the maps of its last
    layer. None where the first and the last are the same.
    """
    layers = list(network.layers.values())
    first = Place(layers[0].node, layers[0].id, False)
    last = read_by_scores(network) or Place(layers[-1].node, layers[-1].id, False)
    return None if last.layer == first.layer else (first, last)


def read_by_scores(network: Network) -> Place | None:
    """What the layer that makes the scores reads; None where no one layer does."""
    if network.scores is None:
        return None
    operations = network.graph.operations
    maker = operations[network.scores]
    while not isinstance(maker, ops.Linear | ops.Convolution):
        if len(maker.inputs) != 1:
            return None
        maker = operations[maker.inputs[0]]
    at = {layer.node: layer.id for layer in network.layers.values()}
    node = read = maker.inputs[0]
    while node not in at:
        if len(operations[node].inputs) != 1:
            return None
        node = operations[node].inputs[0]
    shaped = network.graph.shapes
    return Place(read, at[node], shaped[read] != shaped[node])


@dataclass(frozen=True)
class Features:
    """Where the features of images are taken: a node of the graph, and the layer it comes from.

    ``layer`` is that layer where the node holds its maps.
    """

    node: Node
    source: str
    layer: Layer | None

    def of(self, value: Tensor) -> np.ndarray:
        """The features ``[N, D]`` that a value of the node holds: means over its positions."""
        maps = self.layer.maps(value) if self.layer else value
        mean = maps.flatten(2).mean(2) if maps.ndim > 2 else maps
        features: np.ndarray = mean.float().numpy(force=True)
        return features


def features_of(network: Network) -> Features:
    """What the last filters read that make the scores; without scores, the last layer's maps."""
    last = list(network.layers.values())[-1]
    place = read_by_scores(network) or Place(last.node, last.id, False)
    at = {layer.node: layer for layer in network.layers.values()}
    return Features(place.node, place.layer, at.get(place.node))
