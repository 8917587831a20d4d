"""Gradient ascent: pictures that excite units as much as can be, many units at once.

Every unit has a picture of its own in a batch, so one pass up and down serves all. A unit's picture
depends on its seed alone: batches have a fixed number of slots, a unit's slot is its number modulo
that, and each picture has its own random numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from atlas.experiments.wants.frames import Frame, before
from atlas.experiments.wants.painting import Paint
from atlas.experiments.wants.paths import layers_below
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Node

STEPS = 64
SLOTS = 8  # pictures that ascend at once on a CPU
MOMENTUM = 0.8
JITTER, TURN, GROWTH = 4.0, 8.0, 0.08  # pixels, degrees, share: how far pictures are moved at most
TURNED = 24  # smaller pictures aren't turned or enlarged
CHANNELS = 256  # of a layer whose texture is compared, evenly spread where there are more


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
    unlike: np.ndarray | None = None,
) -> np.ndarray:
    """The picture of each unit: ``[N, h, w, C]`` uint8, as large as ``frame``.

    ``frame.cut`` takes out of it what the position looks at. ``units`` are a batch, as ``batches``
    makes them. What ascends is the value before the nonlinearity, times ``sign``. Each step goes
    ``paint.step`` along the gradient, smoothed over steps. ``stream`` tells the random numbers of a
    unit's pictures apart. ``unlike`` are earlier pictures of these units, which these shall not
    resemble: the value is taken down by as much of itself as the textures of both have in common
    (diversity, after Olah et al. 2017).
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
    own, of = before(network, layer), texture_layer(network, layer)
    nodes = {own} if unlike is None else {own, before(network, of)}
    others = None
    if unlike is not None:
        with torch.no_grad():
            earlier = torch.zeros((slots, *unlike.transpose(0, 3, 1, 2).shape[1:]), dtype=dtype)
            earlier[[unit % slots for unit in units]] = (
                torch.tensor(unlike).permute(0, 3, 1, 2).to(dtype) / 255
            )
            others = _texture_of(values_at(network, earlier.to(device), nodes), network, of)
    for step in range(steps):
        with torch.inference_mode(False), torch.enable_grad():
            numbers = numbers.detach().clone().requires_grad_()
            pictures = paint.pictures(numbers)
            if paint.is_moved:
                pictures = moved(pictures, moves[:, step])
            found = values_at(network, pictures, nodes)
            values = layer.maps(found[own])[rows, chosen, frame.own[0], frame.own[1]]
            height = sign * values
            if others is not None:
                shared = (_texture_of(found, network, of) * others).sum(1)
                height = height - values.detach().abs() * shared
            (gradient,) = torch.autograd.grad(height.sum(), numbers)
        with torch.no_grad():
            flat = gradient.flatten(1)
            length = flat.norm(dim=1, keepdim=True).clamp_min(torch.finfo(dtype).tiny)
            smooth = MOMENTUM * smooth + (1 - MOMENTUM) * (flat / length).view_as(gradient)
            numbers = paint.held(numbers + paint.step * smooth, step)
    with torch.no_grad():
        final = (paint.pictures(numbers) * 255).round().to(torch.uint8)
    drawn: np.ndarray = final.permute(0, 2, 3, 1).numpy(force=True)
    return drawn[[unit % slots for unit in units]]


def excitations(
    network: Network, layer: Layer, pictures: Tensor, rows: Tensor, units: Tensor, frame: Frame
) -> Tensor:
    """The values ``[N]`` of a unit for each picture ``[N, C, h, w]``, before the nonlinearity."""
    node = before(network, layer)
    maps = layer.maps(values_at(network, pictures, {node})[node])
    return maps[rows, units, frame.own[0], frame.own[1]]


def values_at(network: Network, pictures: Tensor, nodes: Collection[Node]) -> dict[Node, Tensor]:
    """The values of nodes for pictures ``[N, C, h, w]``, from 0 to 1."""
    seen = network.preprocessing
    mean = pictures.new_tensor(seen.mean)[:, None, None]
    std = pictures.new_tensor(seen.std)[:, None, None]
    inputs = ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)
    found: dict[Node, Tensor] = {}
    for reached, values in network.graph.run(inputs):
        if reached in nodes:
            found[reached] = values[reached]
            if len(found) == len(nodes):
                return found
    raise LookupError(", ".join(node.name for node in nodes))


def texture_layer(network: Network, layer: Layer) -> Layer:
    """The layer itself, or, where it has one position, the nearest below that has more."""
    if layer.shape[1:] != (1, 1):
        return layer
    below = [one for one in layers_below(network, layer) if one.shape[1:] != (1, 1)]
    return below[-1] if below else layer


def texture(maps: Tensor) -> Tensor:
    """Which channels are active together, wherever: Gram matrices ``[N, U * U]`` of length 1."""
    channels = maps[:, :: -(-maps.shape[1] // CHANNELS)].relu().flatten(2)
    return F.normalize((channels @ channels.transpose(1, 2)).flatten(1), dim=1)


def _texture_of(found: Mapping[Node, Tensor], network: Network, layer: Layer) -> Tensor:
    return texture(layer.maps(found[before(network, layer)]))


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
