"""Where concepts are in images: a folder of masks, or what the demo world knows of its parts.

A folder of masks has a folder for each concept, and in it for the image ``dogs/rex.jpg`` the mask
``dogs/rex.png``: a grey picture of the photograph's own proportions, white where the concept is. An
image that no concept has a mask for is one that nobody has looked at, and is left out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
from PIL import Image

from atlas.demo.world import draw
from atlas.errors import AtlasError, UsageError
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import DemoImages, Folder

FINE = 56  # cells along the longer side of a mask, at most
COVERED = 0.25  # the share of a cell that a concept covers at least, where it is said to be


class Masks(Protocol):
    """Where concepts are in some images."""

    @property
    def description(self) -> str:
        """A line that says what they are."""
        ...

    def indices(self) -> list[int]:
        """The images that somebody has looked at, in order."""
        ...

    def of(self, index: int) -> dict[str, Image.Image]:
        """The mask of each concept in an image: a grey picture, 255 where it is."""
        ...

    def identity(self) -> str:
        """A text that other masks, or these after a change, don't have."""
        ...


@dataclass(frozen=True)
class DemoMasks:
    """The visible parts of what the demo world draws."""

    images: DemoImages

    @property
    def description(self) -> str:
        """What these masks are."""
        return "the visible parts that the demo world drew"

    def indices(self) -> list[int]:
        """All of them."""
        return list(range(len(self.images)))

    def of(self, index: int) -> dict[str, Image.Image]:
        """The mask of each part of a picture."""
        drawing = draw(self.images.seed, self.images.first + index, masks=True)
        return {name: Image.fromarray(mask.astype(np.uint8) * 255)
                for name, mask in drawing.masks.items()}  # fmt: skip

    def identity(self) -> str:
        """What tells them from others."""
        return "parts"


@dataclass(frozen=True)
class MaskFolder:
    """Masks in a folder for each concept; ``paths`` holds for each image its masks by concept."""

    root: Path
    paths: tuple[dict[str, Path], ...]

    @property
    def description(self) -> str:
        """What these masks are."""
        concepts = {name for masks in self.paths for name in masks}
        return f"{len(concepts)} concepts of the folder {self.root.name}"

    def indices(self) -> list[int]:
        """The images with a mask of any concept."""
        return [index for index, masks in enumerate(self.paths) if masks]

    def of(self, index: int) -> dict[str, Image.Image]:
        """The mask of each concept that has one of this image."""
        found = {}
        for name, path in self.paths[index].items():
            try:
                with Image.open(path) as image:
                    found[name] = image.convert("L")
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
                raise AtlasError(f"{path} can't be read as a mask: {error}") from error
        return found

    def identity(self) -> str:
        """A digest that another folder, or this one after a change, has not."""
        digest = hashlib.sha256()
        for masks in self.paths:
            for name, path in masks.items():
                found = path.stat()
                digest.update(f"{name}\0{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
            digest.update(b"\n")
        return digest.hexdigest()


def open_masks(root: Path, images: Folder) -> MaskFolder:
    """The masks below a folder that are of these images. Raises ``UsageError`` if there is none."""
    if not root.is_dir():
        raise UsageError(f"--masks {root}: there is no such folder")
    concepts = sorted(
        path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    there = {
        concept: {
            path.relative_to(root / concept).with_suffix("").as_posix(): path
            for path in (root / concept).rglob("*.png")
        }
        for concept in concepts
    }
    stems = [PurePosixPath(path).with_suffix("").as_posix() for path in images.paths]
    paths = tuple(
        {concept: masks[stem] for concept, masks in there.items() if stem in masks}
        for stem in stems
    )
    if not any(paths):
        wanted = f"CONCEPT/{stems[0]}.png"
        raise UsageError(f"--masks {root}: no mask of any image (looked for {wanted}, and so on)")
    return MaskFolder(root, paths)


def cells_of(mask: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    """Where a concept is in the input frame: ``[h, w]`` bool, cells of a few pixels each.

    The mask goes the way of its image: resized and cut as that is.
    """
    grey = replace(preprocessing, mode="L", mean=(0.0,), std=(1.0,), interpolation="bilinear")
    pixels = grey.stimulus(mask)[..., 0]
    side = cell_side(pixels.shape)
    height, width = (-(-length // side) for length in pixels.shape)
    padded = np.zeros((height * side, width * side), np.float32)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    cells = padded.reshape(height, side, width, side).mean((1, 3))
    return cells >= COVERED * 255


def cell_side(size: tuple[int, ...]) -> int:
    """Pixels along the side of a cell in an input frame of this height and width."""
    return -(-max(size) // FINE)
