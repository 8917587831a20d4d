"""What a picture is made of while it ascends: numbers, how they become pixels, what holds them.

``Waves`` are the Fourier coefficients of decorrelated colours (Olah et al. 2017), ``Pixels`` the
pixels themselves, held back by decay and blur (Yosinski et al. 2015, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from atlas.experiments.wants.colours import Colours


class Paint(Protocol):
    """Numbers that become pictures of one size.

    ``step`` is how far they move at a step of the ascent, as a Euclidean distance.
    ``is_moved`` says whether pictures are moved and turned at random meanwhile.
    """

    @property
    def step(self) -> float:
        """How far the numbers of a picture move at a step."""

    @property
    def is_moved(self) -> bool:
        """Whether pictures are moved and turned at random."""

    def start(self, dice: np.random.Generator) -> np.ndarray:
        """The numbers of one picture at the beginning."""

    def pictures(self, numbers: Tensor) -> Tensor:
        """Pictures ``[N, C, H, W]`` from 0 to 1 of numbers ``[N, ...]``; differentiable."""

    def held(self, numbers: Tensor, step: int) -> Tensor:
        """Numbers after a step, held back."""


@dataclass(frozen=True)
class Waves:
    """Fourier coefficients ``[C, H, W // 2 + 1, 2]``, each with the mean power of images at 1.

    So a step towards what the unit wants moves each frequency as much as it varies in images, and
    ``DECAY`` draws all of them back to the mean image.
    """

    colours: Colours
    size: tuple[int, int]
    step: float = 2.5
    is_moved: bool = True

    START = 0.1
    DECAY = 0.02

    def start(self, dice: np.random.Generator) -> np.ndarray:
        """Faint noise with the colours and frequencies of images."""
        height, width = self.size
        shape = (len(self.colours.mean), height, width // 2 + 1, 2)
        return dice.normal(0, self.START / np.sqrt(2), shape)

    def pictures(self, numbers: Tensor) -> Tensor:
        """``sigmoid(mean + mixing @ irfft2(scale * numbers))``."""

        def like(array: np.ndarray) -> Tensor:
            return torch.tensor(array, dtype=numbers.dtype, device=numbers.device)

        scale = like(self.colours.scale(*self.size))
        waves = torch.view_as_complex(numbers) * scale
        plain = torch.fft.irfft2(waves, s=self.size)  # [N, C, H, W]
        mixed = torch.einsum("ij,njhw->nihw", like(self.colours.mixing), plain)
        return torch.sigmoid(mixed + like(self.colours.mean)[:, None, None])

    def held(self, numbers: Tensor, step: int) -> Tensor:
        """Drawn back to the mean image."""
        return numbers * (1 - self.DECAY)


@dataclass(frozen=True)
class Pixels:
    """The pixels' differences from the mean colour, ``[C, H, W]``.

    They decay at every step, and are blurred at every fourth by a Gaussian of one pixel, as
    Yosinski et al. do for what they call the third of their settings.
    """

    mean: np.ndarray  # [C], from 0 to 1
    size: tuple[int, int]
    step: float = 1.0
    is_moved: bool = False

    START = 0.01
    DECAY = 0.01
    EVERY = 4
    BLUR = 1.0

    def start(self, dice: np.random.Generator) -> np.ndarray:
        """Faint white noise."""
        return dice.normal(0, self.START, (len(self.mean), *self.size))

    def pictures(self, numbers: Tensor) -> Tensor:
        """The pixels, no darker than black and no lighter than white."""
        mean = torch.tensor(self.mean, dtype=numbers.dtype, device=numbers.device)
        return (numbers + mean[:, None, None]).clamp(0, 1)

    def held(self, numbers: Tensor, step: int) -> Tensor:
        """Decayed, sometimes blurred, and with pixels that are colours."""
        numbers = numbers * (1 - self.DECAY)
        if step % self.EVERY == self.EVERY - 1:
            numbers = blurred(numbers, self.BLUR)
        mean = torch.tensor(self.mean, dtype=numbers.dtype, device=numbers.device)[:, None, None]
        return torch.minimum(torch.maximum(numbers, -mean), 1 - mean)


def blurred(values: Tensor, spread: float) -> Tensor:
    """Maps ``[N, C, H, W]`` blurred by a Gaussian; beyond the border lies what is at the border."""
    reach = int(np.ceil(3 * spread))
    taps = torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device)
    kernel = torch.exp(-0.5 * (taps / spread) ** 2)
    kernel = (kernel / kernel.sum()).expand(values.shape[1], 1, -1)
    groups = values.shape[1]
    wide = F.pad(values, (reach, reach, 0, 0), mode="replicate")
    across = F.conv2d(wide, kernel[:, :, None, :], groups=groups)
    high = F.pad(across, (0, 0, reach, reach), mode="replicate")
    return F.conv2d(high, kernel[:, :, :, None], groups=groups)
