"""From a photograph to what the network sees. Preprocessing belongs to the network's weights."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from atlas.errors import UsageError
from atlas.images.modes import seen

if TYPE_CHECKING:  # it takes seconds to load, and who only asks what images there are needs none
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """The steps from an image to a network's input.

    Resize the shorter side to ``resize`` pixels (None keeps the size), crop ``crop`` (height,
    width) from the centre, scale to [0, 1], subtract ``mean`` and divide by ``std``. ``mode`` is
    Pillow's, "RGB" or "L". Raises ``UsageError`` where ``mean`` or ``std`` doesn't fit the mode.
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
        """The same preprocessing with some fields replaced, and with those that follow from them.

        Unless they are given too: a new crop keeps its proportion to the resized side; a grey
        input takes the average of the colours' means and standard deviations, and a colour input
        takes the grey ones for each colour.
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

        Takes the same steps in the same order as torchvision's ``ImageClassification`` preset
        does on a PIL image, so the pixels are equal; what is deeper than eight bits or transparent
        is made as a person sees it first (``atlas.images.modes``).
        """
        transforms = loaded_transforms()
        image = seen(image, self.mode)
        if self.resize is not None:
            mode = transforms.InterpolationMode(self.interpolation)
            image = transforms.resize(image, [self.resize], interpolation=mode)
        pixels = np.asarray(transforms.center_crop(image, list(self.crop)))
        return pixels if pixels.ndim == 3 else pixels[..., None]

    def fitting(self, image: Image.Image) -> Image.Image:
        """The image itself. Raises ``ValueError`` where resizing would need too much memory.

        That is as much as Pillow refuses to decode: of an image of 1 by 20000 pixels the shorter
        side may have to be 256.
        """
        side, limit = self.resize, Image.MAX_IMAGE_PIXELS
        if side is None or limit is None:
            return image
        width, height = image.size
        longer = round(side * max(image.size) / min(image.size))
        if longer * side > 2 * limit:
            raise ValueError(
                f"{width}x{height} pixels would become {longer} by {side}, as the shorter side is "
                f"resized to {side}"
            )
        return image

    def inputs(self, stimuli: np.ndarray, device: torch.device, dtype: torch.dtype) -> Tensor:
        """The network's input ``[N, C, H, W]`` for stimuli ``[N, H, W, C]`` uint8."""
        from atlas.runtime.devices import constant, uploaded

        batch = uploaded(stimuli, device).to(dtype).div_(255)
        mean, std = (constant(some, device, dtype) for some in (self.mean, self.std))
        return batch.sub_(mean).div_(std).permute(0, 3, 1, 2)  # channels-last in memory

    def as_dict(self) -> dict[str, Any]:
        """Its fields, as they stand in ``atlas.json``."""
        return asdict(self)


@functools.cache
def loaded_transforms() -> Any:
    """torchvision's functional transforms, which take seconds to load.

    So they are loaded when the first image is decoded, or before processes are forked to do that,
    and not where nothing is decoded.
    """
    from torchvision.transforms.v2 import functional

    return functional
