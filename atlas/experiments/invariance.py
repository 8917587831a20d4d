"""How far an image's features go when it is moved, enlarged or turned.

Zeiler & Fergus (2013, section 4.1, figure 5): five images are translated, scaled and rotated; the
Euclidean distances between the feature vectors of the original and of the transformed image, in the
first and in the last layer, and the probability of the true class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from atlas.data.experiments.invariance import ROTATION, SCALE, TRANSLATION
from atlas.experiments.features import Place
from atlas.experiments.passes import values_of
from atlas.networks.network import Network
from atlas.networks.operations import Node

FARTHEST = 60 / 224  # of the height: how far the paper moves an image
STEPS = 12  # of a translation, in each direction
ANGLES = tuple(range(45, 360, 45))  # degrees by which a picture is turned to see what changes


@dataclass(frozen=True)
class Move:
    """Where a picture goes: pixels down, a factor and degrees anticlockwise, about its centre."""

    down: float = 0.0
    factor: float = 1.0
    turn: float = 0.0


def moves(name: str, height: int) -> dict[float, Move]:
    """The moves of a transformation by their amounts, for pictures of a height in pixels.

    The ranges are the paper's. Pictures are translated by whole pixels, which changes none.
    """
    if name == TRANSLATION:
        farthest = height * FARTHEST
        steps = sorted({round(farthest * n / STEPS) for n in range(-STEPS, STEPS + 1)})
        return {down: Move(down=down) for down in steps}
    if name == SCALE:
        return {factor: Move(factor=factor) for factor in (1 + n / 20 for n in range(17))}
    assert name == ROTATION
    return {turn: Move(turn=turn) for turn in range(0, 361, 10)}


def moved(pictures: np.ndarray, moves: Sequence[Move]) -> np.ndarray:
    """Pictures ``[N, H, W, C]`` uint8, each moved: bilinear, and mirrored beyond their borders."""
    count, height, width = pictures.shape[:3]
    rows = torch.arange(height, dtype=torch.float64)[:, None] - (height - 1) / 2
    columns = torch.arange(width, dtype=torch.float64)[None] - (width - 1) / 2
    grid = torch.empty(count, height, width, 2, dtype=torch.float64)
    for place, move in enumerate(moves):
        # the point of the picture that is seen at each place; rows are counted downwards
        cos, sin = math.cos(math.radians(move.turn)), math.sin(math.radians(move.turn))
        along = (columns * cos - rows * sin) / move.factor
        down = (columns * sin + rows * cos) / move.factor - move.down
        grid[place, ..., 0], grid[place, ..., 1] = 2 * along / width, 2 * down / height
    values = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).double()
    seen = functional.grid_sample(values, grid, padding_mode="reflection", align_corners=False)
    return seen.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def from_the_first(
    network: Network,
    pictures: np.ndarray,
    places: tuple[Place, Place],
    scores: Node | None,
    *,
    slots: int,
) -> dict[str, np.ndarray]:
    """How far the features of pictures ``[N, H, W, C]`` are from those of the first one.

    ``first`` and ``last`` ``[N]`` float64 are Euclidean distances; ``scores`` ``[N, K]`` are there
    where their node is given.
    """
    nodes = {"first": places[0].node, "last": places[1].node}
    wanted = [*nodes.values(), *([scores] if scores is not None else [])]
    origin: dict[str, np.ndarray] = {}
    found: dict[str, list[np.ndarray]] = {name: [] for name in nodes}
    if scores is not None:
        found["scores"] = []
    for values in values_of(network, pictures, wanted, slots=slots):
        for name, node in nodes.items():
            vectors = values[node].flatten(1).numpy(force=True)
            start = origin.setdefault(name, vectors[0].astype(np.float64))
            apart = [np.sqrt(np.square(one - start).sum()) for one in vectors]
            found[name].append(np.array(apart))
        if scores is not None:
            found["scores"].append(values[scores].numpy(force=True))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def symmetry(pictures: np.ndarray) -> np.ndarray:
    """How alike each of the pictures ``[N, H, W, C]`` uint8 stays when turned: ``[N]`` float64.

    The mean correlation, over ``ANGLES``, of a picture's pixels with those of the turned one,
    within the largest circle that the picture holds; 0 for a picture of one colour.
    """
    height, width = pictures.shape[1:3]
    rows, columns = np.indices((height, width))
    rows, columns = rows - (height - 1) / 2, columns - (width - 1) / 2
    inside = np.hypot(rows, columns) <= min(height, width) / 2
    alike = np.zeros(len(pictures))
    for turn in ANGLES:
        turned = moved(pictures, [Move(turn=turn)] * len(pictures))
        for place, (one, other) in enumerate(zip(pictures, turned, strict=True)):
            alike[place] += _correlation(one[inside], other[inside]) / len(ANGLES)
    return alike


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    strength = math.sqrt(np.square(one).sum() * np.square(other).sum())
    return float((one * other).sum() / strength) if strength else 0.0
