"""The record of a scan kept where the network runs, until a checkpoint.

On a GPU a copy to the CPU waits for all that is still to be computed. So the nine and the
statistics of all units of all layers are brought up to date there, in a few operations for all of
them together, and come down when they are saved. They are the same as ``topk.include`` makes them,
to the last bit: whole numbers, and floats that are only compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atlas.data import levels
from atlas.runtime.devices import uploaded
from atlas.scanning import sketching
from atlas.scanning.topk import EMPTY, NINE, NO_IMAGE, TopNine

_IMAGES = 2**32 - 1  # above all images


@dataclass(frozen=True)
class Part:
    """The ``units`` of one layer among all, and the ``width`` of its maps."""

    units: int
    width: int


class Tally:
    """The record of the images since the last checkpoint, of U units of some layers in a row.

    ``statistics`` says whether there is more than the nine and ``fired``.
    """

    def __init__(
        self, parts: Mapping[str, Part], device: torch.device, *, statistics: bool
    ) -> None:
        self.parts, self.device, self.statistics = parts, device, statistics
        self._begin()

    def _begin(self) -> None:
        units = sum(part.units for part in self.parts.values())

        def filled(columns: int, dtype: torch.dtype, value: int = 0) -> Tensor:
            return torch.full((units, columns), value, dtype=dtype, device=self.device)

        self.images = 0
        self.strength = filled(NINE, torch.int64)  # the value's bits, and then the lowest image
        self.place = filled(NINE, torch.int64)
        self.fired = filled(1, torch.int64)[:, 0]
        of_levels = levels.LEVELS if self.statistics else 0
        of_signs = sketching.SIGNS if self.statistics else 0
        self.counts = filled(of_levels, torch.int32)
        self.sample = filled(of_levels, torch.int64, NO_IMAGE)
        self.sample_value = filled(of_levels, torch.float32)
        self.sample_place = filled(of_levels, torch.int64)
        self.sketch = filled(of_signs, torch.int32)
        self.signs = np.zeros(of_signs, np.int64)

    def include(self, value: Tensor, place: Tensor, image: np.ndarray) -> None:
        """Include N more images: ``value`` float32 and ``place`` int64 ``[N, U]``, ``image`` [N].

        Nothing here waits for the device.
        """
        index = uploaded(image.astype(np.int64), self.device)
        fires, bits = value > 0, value.view(torch.int32).long()
        strength = torch.where(fires, (bits << 32) + (_IMAGES - index[:, None]), 0)
        both = torch.cat([self.strength, strength.T], 1)
        self.strength, chosen = both.topk(NINE, 1)
        self.place = torch.cat([self.place, place.T], 1).gather(1, chosen)
        self.fired = self.fired + fires.sum(0)
        self.images += len(image)
        if self.statistics:
            self._count(value, place, image, index)

    def _count(self, value: Tensor, place: Tensor, image: np.ndarray, index: Tensor) -> None:
        bits = (value.view(torch.int32) >> levels.SHIFT) - levels.BELOW
        level = torch.where(value > 0, bits.clamp(1, levels.LEVELS - 1), 0).T.long()  # [U, N]
        ones = torch.ones((1, 1), dtype=torch.int32, device=self.device).expand(level.shape)
        self.counts.scatter_add_(1, level, ones)
        # of each level the first image, and which of these it is
        numbered = (index << 32) + torch.arange(len(index), device=self.device)
        none = torch.full_like(self.sample, NO_IMAGE << 32)
        first = none.scatter_reduce(1, level, numbered.expand(level.shape), "amin")
        earlier, of = first >> 32, first & _IMAGES
        newer = earlier < self.sample
        newer[:, 0] = False
        self.sample = torch.where(newer, earlier, self.sample)
        self.sample_value = torch.where(newer, value.T.gather(1, of), self.sample_value)
        self.sample_place = torch.where(newer, place.T.gather(1, of), self.sample_place)
        signs = sketching.signs_of(image)
        self.signs += signs.sum(0)
        # exact, because every sum is a whole number that fits into the fraction
        assert len(image) * levels.LEVELS < 2**24
        drawn = uploaded(signs.astype(np.int8), self.device).float()
        self.sketch += (level.float() @ drawn).int()

    def taken(self) -> dict[str, TopNine]:
        """The records of the layers, on the CPU; the tally begins anew."""
        strength = self.strength.cpu().numpy()
        value = (strength >> 32).astype(np.int32).view(np.float32)
        image = np.where(strength > 0, _IMAGES - (strength & _IMAGES), EMPTY)
        place = np.where(strength > 0, self.place.cpu().numpy(), 0)
        fired, counts = self.fired.cpu().numpy(), self.counts.cpu().numpy()
        sample = self.sample.cpu().numpy().astype(np.int32)
        sample_value = self.sample_value.cpu().numpy()
        sample_place = self.sample_place.cpu().numpy().astype(np.int32)
        sketch = self.sketch.cpu().numpy()
        records, start = {}, 0
        for name, part in self.parts.items():
            own = slice(start, start + part.units)
            at = np.divmod(place[own], part.width)
            records[name] = TopNine(
                value[own],
                image[own],
                np.stack(at, 2).astype(np.int32),
                fired[own],
                counts[own],
                sample[own],
                sample_value[own],
                sample_place[own],
                sketch[own],
                self.signs,
                self.images,
            )
            start += part.units
        self._begin()
        return records
