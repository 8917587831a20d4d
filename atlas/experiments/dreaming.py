"""What a layer sees in an image, painted into it: the image that excites the layer more.

Mordvintsev, Olah & Tyka (2015): gradient ascent from the image itself, at growing sizes, on all
that the layer answers to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from atlas.networks.layers import Layer
from atlas.networks.network import Network

T = TypeVar("T")

STEP = 2.0  # levels of 255 that a pixel goes in a step, in the mean


@dataclass(frozen=True)
class Recipe:
    """How an image is dreamed.

    In so many sizes, each larger than the one before by a ``factor``, with so many ``steps`` each.
    """

    octaves: int = 3
    steps: int = 12
    factor: float = 1.4

    def sizes(self, picture: tuple[int, ...], frame: tuple[int, int]) -> list[tuple[int, int]]:
        """Height and width at each octave for a picture of a height and width.

        At the first it just covers the network's input frame.
        """
        least = max(frame[0] / picture[0], frame[1] / picture[1])
        return [
            (
                max(frame[0], round(picture[0] * least * self.factor**octave)),
                max(frame[1], round(picture[1] * least * self.factor**octave)),
            )
            for octave in range(self.octaves)
        ]


USUAL = Recipe()


def dreamed(
    network: Network,
    picture: np.ndarray,
    layer: Layer,
    *,
    unit: int | None = None,
    recipe: Recipe = USUAL,
    slots: int,
    seed: int = 0,
) -> np.ndarray:
    """A picture ``[H, W, C]`` uint8 dreamed by a layer, or by one unit of it: ``[h, w, C]`` uint8.

    Its size is the last of ``recipe.sizes``. What rises is the mean of the squared activations of
    the layer, of the unit alone where one is given, over tiles of the input frame's size that cover
    the picture; they are moved at random before each step, so that no seams remain. ``seed``
    decides how.
    """
    frame = network.preprocessing.crop
    generator = np.random.Generator(np.random.PCG64(seed))
    detail = np.zeros(picture.shape, np.float32)
    for size in recipe.sizes(picture.shape[:2], frame):
        base = enlarged(picture, size)
        now = base + enlarged(detail, size)
        for _ in range(recipe.steps):
            shift = tuple(generator.integers(0, frame).tolist())
            moved = np.roll(now, shift, (0, 1))
            gradient = gradient_of(network, moved, layer, unit=unit, slots=slots)
            gradient = np.roll(gradient, (-shift[0], -shift[1]), (0, 1))
            scale = np.abs(gradient).mean()
            if scale > 0:
                now = np.clip(now + gradient * np.float32(STEP / scale), 0, 255)
        detail = now - base
    return np.rint(now).astype(np.uint8)


def energies(network: Network, picture: np.ndarray, layer: Layer, *, slots: int) -> np.ndarray:
    """Each unit's mean squared activation over tiles that cover a picture ``[H, W, C]``.

    ``[U]`` float64. The tiles are of the input frame's size, and the picture is at least as large.
    """
    frame = network.preprocessing.crop
    parts = []
    with torch.inference_mode():
        for some in _batches(corners(picture.shape[:2], frame), slots):
            maps = _maps(network, network.inputs(_tiles(picture, some, frame)), layer)
            parts.append(maps.double().square().flatten(2).mean(2).numpy(force=True))
    means: np.ndarray = np.concatenate(parts).mean(0)
    return means


def corners(size: tuple[int, ...], frame: tuple[int, int]) -> list[tuple[int, int]]:
    """Upper left corners of tiles of the frame's size that cover a picture: as few as can be.

    The last of a row or column lies at the end, so that it may overlap the one before.
    """
    tops, lefts = (
        [min(side * place, whole - side) for place in range(-(-whole // side))]
        for whole, side in zip(size, frame, strict=True)
    )
    return [(top, left) for top in tops for left in lefts]


def _tiles(
    picture: np.ndarray, places: Sequence[tuple[int, int]], frame: tuple[int, int]
) -> np.ndarray:
    height, width = frame
    return np.stack([picture[top : top + height, left : left + width] for top, left in places])


def _batches(places: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (places[first : first + size] for first in range(0, len(places), size))


def _maps(network: Network, inputs: Tensor, layer: Layer) -> Tensor:
    for node, values in network.graph.run(inputs, until=layer.node):
        if node is layer.node:
            return layer.maps(values[node])
    raise AssertionError(layer.id)


def gradient_of(
    network: Network, picture: np.ndarray, layer: Layer, *, unit: int | None, slots: int
) -> np.ndarray:
    """Where each pixel has to go for a layer's energy to rise: ``[H, W, C]`` float32.

    The energy of a tile is half the sum of the squared activations of the layer, or of one unit.
    Where tiles overlap this is the mean of their gradients.
    """
    height, width = frame = network.preprocessing.crop
    out, count = np.zeros_like(picture), np.zeros((*picture.shape[:2], 1), np.float32)
    for some in _batches(corners(picture.shape[:2], frame), slots):
        with torch.inference_mode(False), torch.enable_grad():
            inputs = network.inputs(_tiles(picture, some, frame)).requires_grad_()
            maps = _maps(network, inputs, layer)
            chosen = maps if unit is None else maps[:, unit]
            (gradient,) = torch.autograd.grad(chosen.square().sum() / 2, inputs)
        gradients = gradient.float().permute(0, 2, 3, 1).numpy(force=True)
        for (top, left), one in zip(some, gradients, strict=True):
            out[top : top + height, left : left + width] += one
            count[top : top + height, left : left + width] += 1
    spread = 255 * np.array(network.preprocessing.std, np.float32)  # of an input, in levels
    whole: np.ndarray = out / count / spread
    return whole


def enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture ``[H, W, C]``, in levels, at another height and width: float32."""
    channels = [
        Image.fromarray(np.ascontiguousarray(picture[..., channel], np.float32)).resize(
            size[::-1], Image.Resampling.LANCZOS
        )
        for channel in range(picture.shape[2])
    ]
    return np.stack([np.asarray(channel) for channel in channels], -1)
