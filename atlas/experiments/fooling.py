"""Images that fool a network: the image itself, with each pixel a few levels up or down.

Szegedy et al. (2013) found that changes too small to see change the class that a network gives;
Goodfellow et al. (2014) that one step along the signs of the loss's gradient is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from atlas.data import levels
from atlas.data.experiments.fooling import ChangedUnit
from atlas.data.rounding import significant
from atlas.experiments.passes import values_of
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Node

MOST = 3  # units of a layer that are named


def gradient_signs(network: Network, picture: np.ndarray, scores: Node, given: int) -> np.ndarray:
    """Where each pixel has to go for the loss of a class to rise: -1, 0 or 1, ``[H, W, C]`` int16.

    The loss is the cross-entropy. Its gradient has the signs of that of the difference between the
    other scores' logarithm of summed exponentials and the class's own score, of which it is a
    multiple, and which doesn't vanish where the network is certain.
    """
    with torch.inference_mode(False), torch.enable_grad():
        inputs = network.inputs(picture[None]).clone().requires_grad_()
        for node, values in network.graph.run(inputs, until=scores):
            pass
        own = values[scores][0]
        others = torch.cat([own[:given], own[given + 1 :]])
        (gradient,) = torch.autograd.grad(torch.logsumexp(others, 0) - own[given], inputs)
    signs: np.ndarray = gradient[0].sign().permute(1, 2, 0).numpy(force=True).astype(np.int16)
    return signs


def random_signs(shape: tuple[int, ...], *, image: int, seed: int) -> np.ndarray:
    """As many random signs, int16: those of an image and a seed are always the same."""
    bits = np.random.Generator(np.random.PCG64([image, seed])).integers(0, 2, shape)
    return (2 * bits - 1).astype(np.int16)


def stepped(picture: np.ndarray, signs: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """A picture ``[H, W, C]`` uint8 after steps of so many levels: ``[N, H, W, C]`` uint8."""
    return np.stack(
        [np.clip(picture + signs * np.int16(step), 0, 255) for step in steps]
    ).astype(np.uint8)  # fmt: skip


def maxima(
    network: Network, pictures: np.ndarray, layers: Sequence[Layer], *, slots: int
) -> list[np.ndarray]:
    """The maxima over positions of all units for each picture: ``[N, U]`` float32 of each layer."""
    found: list[list[np.ndarray]] = [[] for _ in layers]
    for values in values_of(network, pictures, [layer.node for layer in layers], slots=slots):
        for parts, layer in zip(found, layers, strict=True):
            parts.append(
                layer.maps(values[layer.node]).flatten(2).amax(2).float().numpy(force=True)
            )
    return [np.concatenate(parts) for parts in found]


def spreads(counts: np.ndarray) -> np.ndarray:
    """The standard deviation of each unit's maxima, from counts of levels ``[U, LEVELS]``.

    Each maximum counts as the middle of its level, at most a sixteenth off; those not above zero
    count as zero. ``[U]`` float64.
    """
    bounds = [levels.lower_bound(level) for level in range(1, levels.LEVELS + 1)]
    middles = np.array([0.0, *((low + high) / 2 for low, high in pairwise(bounds))])
    share = counts / np.maximum(1, counts.sum(1, keepdims=True))
    mean = share @ middles
    return np.sqrt(np.maximum(0.0, (share * np.square(middles - mean[:, None])).sum(1)))


def changes(before: np.ndarray, after: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Units' changes ``[U]`` in their own spreads; 0 for a unit that has none."""
    apart = after.astype(np.float64) - before
    return np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 0)


def most_changed(
    before: np.ndarray, after: np.ndarray, change: np.ndarray
) -> tuple[ChangedUnit, ...]:
    """The units that changed most, the first of equal ones first."""
    order = np.argsort(-np.abs(change), kind="stable")[:MOST]
    return tuple(
        ChangedUnit(int(unit), *map(significant, (before[unit], after[unit], change[unit])))
        for unit in order
        if change[unit]
    )
