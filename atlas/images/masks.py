"""Where concepts are in images: masks from a folder, or of the parts that the demo world draws.

A folder of masks holds a folder for each concept. The mask of the image ``dogs/rex.jpg`` is
``dogs/rex.png`` in it: a grey picture with the photograph's proportions, white where the concept
is. It stands the way up that its photograph does in a browser: EXIF data turn both. An image
without any mask counts as not annotated and is left out.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
from PIL import Image

from atlas.data.escaping import escaped
from atlas.demo import world
from atlas.errors import AtlasError, UsageError
from atlas.images.preprocessing import Preprocessing
from atlas.images.reading import UnreadableImage, read_image, state_of
from atlas.images.sources import SURROGATES, DemoImages, Folder

FINE = 56  # cells along the longer side of a mask, at most
COVERED = 0.25  # a cell belongs to a concept that covers at least this share of it


class Masks(Protocol):
    """Where concepts are in some images."""

    @property
    def description(self) -> str:
        """A line that describes them."""
        ...

    def indices(self) -> list[int]:
        """The indices of the annotated images, in order."""
        ...

    def of(self, index: int) -> dict[str, Image.Image]:
        """The mask of each concept in an image: a grey picture, 255 where the concept is."""
        ...

    def identity(self) -> str:
        """A text that changes whenever the masks do."""
        ...


@dataclass(frozen=True)
class DemoMasks:
    """The visible parts of what the demo world draws."""

    images: DemoImages

    @property
    def description(self) -> str:
        """A line that describes them."""
        return "the visible parts that the demo world drew"

    def indices(self) -> list[int]:
        """The indices of all images."""
        return list(range(len(self.images)))

    def of(self, index: int) -> dict[str, Image.Image]:
        """The mask of each part of a picture."""
        masks = world.masks(self.images.seed, self.images.first + index)
        return {name: Image.fromarray(mask.astype(np.uint8) * 255) for name, mask in masks.items()}

    def identity(self) -> str:
        """A text that changes whenever the masks do."""
        return "parts"


@dataclass(frozen=True)
class MaskFolder:
    """Masks from a folder; ``paths`` holds, for each image, the paths of its masks by concept."""

    root: Path
    paths: tuple[dict[str, Path], ...]

    @property
    def description(self) -> str:
        """A line that describes them."""
        concepts = {name for masks in self.paths for name in masks}
        return f"{len(concepts)} concepts of the folder {escaped(self.root.name)}"

    def indices(self) -> list[int]:
        """The indices of the images with at least one mask."""
        return [index for index, masks in enumerate(self.paths) if masks]

    def of(self, index: int) -> dict[str, Image.Image]:
        """The masks of an image by concept. Raises ``AtlasError`` for one that can't be read."""
        masks = {}
        for name, path in self.paths[index].items():
            try:
                masks[name] = read_image(path).convert("L")
            except (UnreadableImage, ValueError) as error:
                why = error.reason if isinstance(error, UnreadableImage) else error
                raise AtlasError(f"{path} can't be read as a mask: {why}") from error
        return masks

    def identity(self) -> str:
        """A digest of the masks' paths, sizes and times of change."""
        digest = hashlib.sha256()
        for masks in self.paths:
            for name, path in masks.items():
                digest.update(f"{name}\0{path}\0{state_of(path)}\n".encode(errors=SURROGATES))
            digest.update(b"\n")
        return digest.hexdigest()


def open_masks(root: Path, images: Folder) -> MaskFolder:
    """The masks below a folder that belong to these images. Raises ``UsageError`` without any."""
    if not root.is_dir():
        raise UsageError(f"--masks {root}: there is no such folder")
    concepts = sorted(
        path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    paths_of = {
        concept: {
            path.relative_to(root / concept).with_suffix("").as_posix(): path
            for path in (root / concept).rglob("*.png")
        }
        for concept in concepts
    }
    stems = [PurePosixPath(path).with_suffix("").as_posix() for path in images.paths]
    paths = tuple(
        {escaped(concept): masks[stem] for concept, masks in paths_of.items() if stem in masks}
        for stem in stems
    )
    if not any(paths):
        wanted = f"CONCEPT/{stems[0]}.png"
        raise UsageError(f"--masks {root}: no mask of any image (looked for {wanted} and others)")
    return MaskFolder(root, paths)


def cells_of(mask: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    """The cells of the input frame that belong to a concept: ``[h, w]`` bool.

    A cell is a square of ``cell_side`` pixels. The mask is resized and cropped as its image is.
    """
    pixels = _in_grey(preprocessing).stimulus(mask)[..., 0]
    side = cell_side(pixels.shape)
    height, width = -(-pixels.shape[0] // side), -(-pixels.shape[1] // side)
    padded = np.zeros((height * side, width * side), np.uint32)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    places = itertools.product(range(side), repeat=2)
    # so much sooner than a mean over two axes
    sums = sum(padded[row::side, column::side] for row, column in places)
    return np.asarray(sums >= COVERED * 255 * side**2)


@functools.cache
def _in_grey(preprocessing: Preprocessing) -> Preprocessing:
    """The same steps for masks."""
    return replace(preprocessing, mode="L", mean=(0.0,), std=(1.0,), interpolation="bilinear")


def cell_side(size: tuple[int, ...]) -> int:
    """The side of a cell, in pixels, in an input frame of this height and width."""
    return -(-max(size) // FINE)
