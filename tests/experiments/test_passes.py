from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from atlas.experiments.passes import values_of
from tests.support.experiments import Photographs, tiny


def joined(batches: Iterable[dict[Any, torch.Tensor]], node: Any) -> np.ndarray:
    return np.concatenate([one[node].numpy() for one in batches])


def test_values_are_those_of_the_plain_network() -> None:
    network, pictures = tiny(), Photographs().pixels[:8]
    layers = list(network.layers.values())
    with torch.no_grad():
        expected = network.module(network.inputs(pictures)).numpy()
        first = network.module[1](network.module[0](network.inputs(pictures))).numpy()  # type: ignore[index]
    (found,) = values_of(network, pictures, [network.scores, layers[0].node], slots=8)
    assert np.array_equal(found[network.scores].numpy(), expected)
    assert np.array_equal(found[layers[0].node].numpy(), first)


def test_a_pictures_values_do_not_depend_on_its_company() -> None:
    network, pictures = tiny(), Photographs().pixels
    node = network.scores
    every = joined(values_of(network, pictures, [node], slots=4), node)
    assert len(every) == len(pictures)
    for count in (1, 3, 5, 11):
        some = joined(values_of(network, pictures[:count], [node], slots=4), node)
        assert np.array_equal(some, every[:count])
    # the same picture in the same slot, with others around it
    swapped = pictures[[1, 0, 2, 3]]
    (other,) = values_of(network, swapped[[0, 0, 2, 0]], [node], slots=4)
    assert np.array_equal(other[node][2].numpy(), every[2])


def test_a_run_stops_at_the_last_node_that_is_wanted() -> None:
    network = tiny()
    first = next(iter(network.layers.values())).node
    assert all(list(one) == [first] for one in
               values_of(network, Photographs().pixels, [first], slots=5))  # fmt: skip
    assert list(values_of(network, Photographs().pixels[:0], [first], slots=5)) == []
