"""From a photograph to what the network sees. Preprocessing belongs to the network's weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from atlas.errors import UsageError


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

    def __post_init__(self) -> None:
        channels = {"RGB": 3, "L": 1}.get(self.mode)
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != channels:
                raise UsageError(
                    f"--{name} has {len(values)} numbers, and an image in "
                    f"{'grey' if channels == 1 else 'colour'} has {channels} channels"
                )
        if any(value <= 0 for value in self.std):
            raise UsageError("--std must be above 0")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the network's input."""
        return len(self.mean), *self.crop

    def adjusted(self, fields: Mapping[str, Any]) -> Preprocessing:
        """With some fields replaced, and those that follow from them unless they are given too.

        A new crop keeps its proportion to the resized side; grey takes the mean of the colours'
        mean and standard deviation, and colour the grey one's for each.
        """
        fields = dict(fields)
        if "crop" in fields and "resize" not in fields and self.resize is not None:
            fields["resize"] = round(self.resize * min(fields["crop"]) / min(self.crop))
        if fields.get("mode", self.mode) != self.mode:
            for name, values in (("mean", self.mean), ("std", self.std)):
                grey = round(sum(values) / len(values), 6)
                fields.setdefault(name, (grey,) * (1 if fields["mode"] == "L" else 3))
        return replace(self, **fields)

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
