"""Networks that several tests use, without repeated blocks, loaded once by each worker."""

from __future__ import annotations

import functools
from dataclasses import replace

import atlas
from tests.support.smaller import smaller_models


@functools.lru_cache(maxsize=3)  # tests of one network follow each other
def loaded(
    name: str, seed: int = 0, crop: tuple[int, int] | None = None, double: bool = False
) -> atlas.Network:
    """A network with random weights, in float32 or float64; tests share it, so none changes it."""
    preprocessing = {"crop": crop} if crop else None
    with smaller_models():
        network = atlas.load_network(name, "none", seed=seed, preprocessing=preprocessing)
    return doubled(network) if double else network


def doubled(network: atlas.Network) -> atlas.Network:
    """The same network in float64; its model is changed, and traced again."""
    return replace(network, module=network.module.double())
