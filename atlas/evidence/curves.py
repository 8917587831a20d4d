"""Deletion curves: an activation as more and more of its stimulus is kept, or blurred.

The cells of the true box are taken in order of the reconstruction's energy, the most first. What
is kept of the activation when the first of them alone are sharp, and what is left when they alone
are blurred, are curves over their share. A random order of the same blobs is the same order shifted
round the edges of the box. A reconstruction that points at what matters keeps more than that, and
leaves less, at every share (after Petsiuk et al. 2018, arXiv 1806.07421).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atlas.evidence import measures
from atlas.evidence.trials import (
    TrialInputs,
    Winners,
    as_windows,
    inside_boxes,
    random_of,
    shares_of,
)
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.reconstruction.windows import Window

SHARES = (0.05, 0.1, 0.2, 0.4, 0.7)  # of the box's cells, beside none and all


@dataclass(frozen=True)
class Curves:
    """The curves of B winners, as shares of their activations: ``[B, 2 + len(SHARES)]`` each.

    From none of the box's cells to all of them; ``kept`` and ``left`` in the reconstruction's
    order, ``kept_elsewhere`` and ``left_elsewhere`` in the shifted one.
    """

    kept: Tensor
    left: Tensor
    kept_elsewhere: Tensor
    left_elsewhere: Tensor


def curves(
    winners: Winners,
    reconstructions: Window,
    *,
    layer: Layer,
    graph: Graph,
    inputs: TrialInputs,
    shares: Sequence[float] = SHARES,
) -> Curves:
    """The curves of winners of a layer with these reconstructions, windows of the input frame.

    Two activations are computed for each share and order, and one more where nothing is sharp,
    each from the part of the network that it depends on.
    """
    size = reconstructions.values.shape[2], reconstructions.values.shape[3]
    where = measures.cells(inside_boxes(reconstructions, winners.box)) > 0
    energy = measures.cells(measures.scaled(reconstructions.values).square().sum(1))
    place = _order(energy, where, _ties(layer, winners, where))
    count, random = where.flatten(1).sum(1), random_of(layer, winners)

    def tried(marks: Tensor) -> tuple[Tensor, Tensor]:
        """What the cells keep by themselves, and what is left when they are blurred."""
        shown = as_windows(reconstructions, measures.enlarged(marks, *size))
        found = shares_of(winners, shown, layer=layer, graph=graph, inputs=inputs)
        return found.kept, 1 - found.lost

    nothing, whole = tried(torch.zeros_like(where))
    kept, left = [nothing], [whole]
    kept_elsewhere, left_elsewhere = [nothing], [whole]
    for share in shares:
        first = (share * count).round().clamp_min(1)[:, None, None]
        marks = where & (place < first)
        for ups, downs, chosen in (
            (kept, left, marks),
            (kept_elsewhere, left_elsewhere, measures.moved(marks, where, random)),
        ):
            up, down = tried(chosen)
            ups.append(up)
            downs.append(down)
    up, down = tried(where)
    for ups, downs in ((kept, left), (kept_elsewhere, left_elsewhere)):
        ups.append(up)
        downs.append(down)
    return Curves(*(torch.stack(line, 1) for line in (kept, left, kept_elsewhere, left_elsewhere)))


def _order(energy: Tensor, where: Tensor, ties: Tensor) -> Tensor:
    """The place of each cell ``[B, H, W]`` by energy, the most first; cells beyond come last."""
    flat = torch.where(where, energy, -1).flatten(1)
    by_chance = ties.flatten(1).argsort(dim=1, stable=True)
    order = flat.gather(1, by_chance).argsort(dim=1, descending=True, stable=True)
    order = by_chance.gather(1, order)
    place = torch.empty_like(order)
    place.scatter_(1, order, torch.arange(order.shape[1], device=order.device).expand_as(order))
    return place.view(energy.shape)


def _ties(layer: Layer, winners: Winners, like: Tensor) -> Tensor:
    """Numbers by which cells of the same energy are ordered, the same in every run: ``like``'s."""
    name = zlib.crc32(layer.id.encode())
    keys = torch.stack([winners.image, winners.unit, winners.rank], 1).tolist()
    drawn = [np.random.default_rng([1, name, *key]).permutation(like[0].numel()) for key in keys]
    return torch.from_numpy(np.stack(drawn)).view(like.shape).to(like.device)
