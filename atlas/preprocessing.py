"""From a photograph to what the network sees. Preprocessing belongs to the network's weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms


@dataclass(frozen=True)
class Preprocessing:
    """Resize the shorter side to ``resize``, cut ``crop`` (height, width) from the centre, scale
    to [0, 1], subtract ``mean`` and divide by ``std``.

    ``mode`` is Pillow's: "RGB" or "L". ``resize`` None leaves the size as it is.
    """

    resize: int | None
    crop: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    mode: str = "RGB"

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the network's input."""
        return len(self.mean), *self.crop

    def stimulus(self, image: Image.Image) -> np.ndarray:
        """The image in the network's input frame: ``[H, W, C]`` uint8.

        The same steps in the same order as torchvision's ``ImageClassification`` preset on a
        PIL image, so the pixels are the same too.
        """
        image = image.convert(self.mode)
        if self.resize is not None:
            mode = InterpolationMode(self.interpolation)
            image = transforms.resize(image, [self.resize], interpolation=mode)
        pixels = np.asarray(transforms.center_crop(image, list(self.crop)))
        return pixels if pixels.ndim == 3 else pixels[..., None]

    def inputs(self, stimuli: np.ndarray, device: torch.device, dtype: torch.dtype) -> Tensor:
        """A batch for the network from stimuli ``[N, H, W, C]`` uint8: ``[N, C, H, W]``."""
        batch = torch.tensor(stimuli, device=device)
        batch = batch.to(dtype).div_(255)
        mean = torch.tensor(self.mean, dtype=dtype, device=device)
        std = torch.tensor(self.std, dtype=dtype, device=device)
        return batch.sub_(mean).div_(std).permute(0, 3, 1, 2)  # channels-last in memory

    def as_dict(self) -> dict[str, Any]:
        """Its fields, as they stand in ``atlas.json``."""
        return asdict(self)
