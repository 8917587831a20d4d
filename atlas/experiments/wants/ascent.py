"""Gradient ascent: pictures that excite units as much as can be, many units at once.

Every unit has a picture of its own in a batch, so one pass up and down serves all. A unit's picture
depends on its seed alone: batches have a fixed number of slots, a unit's slot is its number modulo
that, and each picture has its own random numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from atlas.experiments.wants.frames import Frame, before
from atlas.experiments.wants.painting import Paint
from atlas.networks.layers import Layer
from atlas.networks.network import Network

STEPS = 64
SLOTS = 8  # pictures that ascend at once on a CPU
MOMENTUM = 0.8
JITTER, TURN, GROWTH = 4.0, 8.0, 0.08  # pixels, degrees, share: how far pictures are moved at most
TURNED = 24  # smaller pictures aren't turned or enlarged


def seed_of(layer: str, unit: int) -> int:
    """The seed of a unit's pictures."""
    return zlib.crc32(f"{layer}/{unit}".encode())


def batches(units: Sequence[int], slots: int) -> list[tuple[int, ...]]:
    """Units in as few batches as can be, each in its own slot, ``unit % slots``."""
    rows: list[dict[int, int]] = []
    for unit in units:
        row = next((row for row in rows if unit % slots not in row), None)
        if row is None:
            row = {}
            rows.append(row)
        row[unit % slots] = unit
    return [tuple(sorted(row.values())) for row in rows]


def ascended(
    network: Network,
    layer: Layer,
    units: Sequence[int],
    paint: Paint,
    *,
    frame: Frame,
    slots: int = SLOTS,
    steps: int = STEPS,
    sign: int = 1,
    stream: int = 0,
) -> np.ndarray:
    """The picture of each unit: ``[N, h, w, C]`` uint8, what the position in ``frame`` looks at.

    ``units`` are a batch, as ``batches`` makes them. What ascends is the value before the
    nonlinearity, times ``sign``. Each step goes ``paint.step`` along the gradient, smoothed over
    steps. ``stream`` tells the random numbers of a unit's pictures apart.
    """
    full = [units[0]] * slots
    for unit in units:
        full[unit % slots] = unit
    dice = [np.random.default_rng([seed_of(layer.id, unit), stream]) for unit in full]
    device, dtype = network.device, network.graph.dtype
    numbers = torch.tensor(np.stack([paint.start(one) for one in dice]), dtype=dtype, device=device)
    moves = np.stack([one.uniform(-1, 1, (steps, 4)) for one in dice])  # [slots, steps, 4]
    rows, chosen = torch.arange(slots, device=device), torch.tensor(full, device=device)
    smooth = torch.zeros_like(numbers)
    for step in range(steps):
        with torch.inference_mode(False), torch.enable_grad():
            numbers = numbers.detach().clone().requires_grad_()
            pictures = paint.pictures(numbers)
            if paint.is_moved:
                pictures = moved(pictures, moves[:, step])
            values = excitations(network, layer, pictures, rows, chosen, frame)
            (gradient,) = torch.autograd.grad(sign * values.sum(), numbers)
        with torch.no_grad():
            flat = gradient.flatten(1)
            length = flat.norm(dim=1, keepdim=True).clamp_min(torch.finfo(dtype).tiny)
            smooth = MOMENTUM * smooth + (1 - MOMENTUM) * (flat / length).view_as(gradient)
            numbers = paint.held(numbers + paint.step * smooth, step)
    with torch.no_grad():
        final = (paint.pictures(numbers) * 255).round().to(torch.uint8)
    down, across = frame.part
    drawn: np.ndarray = final.permute(0, 2, 3, 1).numpy(force=True)[:, down, across]
    return drawn[[unit % slots for unit in units]]


def excitations(
    network: Network, layer: Layer, pictures: Tensor, rows: Tensor, units: Tensor, frame: Frame
) -> Tensor:
    """The values ``[N]`` of a unit for each picture ``[N, C, h, w]``, before the nonlinearity."""
    seen = network.preprocessing
    mean = pictures.new_tensor(seen.mean)[:, None, None]
    std = pictures.new_tensor(seen.std)[:, None, None]
    inputs = ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)
    node = before(network, layer)
    for reached, values in network.graph.run(inputs, until=node):
        if reached is node:
            return layer.maps(values[node])[rows, units, frame.own[0], frame.own[1]]
    raise LookupError(node.name)


def moved(pictures: Tensor, moves: np.ndarray) -> Tensor:
    """Pictures ``[N, C, h, w]``, each moved, enlarged and turned a little, mirrored at the edges.

    ``moves`` ``[N, 4]`` from -1 to 1: down, across, growth and turn, as shares of the most.
    """
    height, width = pictures.shape[2:]
    small = min(height, width) <= TURNED
    jitter = min(JITTER, min(height, width) // 16)
    down, across, growth, turn = moves.T
    angle = np.deg2rad(TURN * turn) * (not small)
    size = 1 / (1 + GROWTH * growth * (not small))
    cos, sin = size * np.cos(angle), size * np.sin(angle)
    matrices = np.stack(
        [
            np.stack([cos, -sin * height / width, 2 * jitter * across / width], 1),
            np.stack([sin * width / height, cos, 2 * jitter * down / height], 1),
        ],
        1,
    )
    shape = list(pictures.shape)
    grid = F.affine_grid(pictures.new_tensor(matrices), shape, align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
