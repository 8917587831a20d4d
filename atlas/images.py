"""Where stimuli come from: a folder of photographs, the demo world, or any indexable of images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from atlas.demo.world import World
from atlas.errors import AtlasError, UsageError
from atlas.preprocessing import Preprocessing

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}


GREY = {"1", "L", "LA", "La", "I", "I;16", "F"}  # Pillow's modes without colour


class Images(Protocol):
    """Anything indexable that yields PIL images."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int) -> Image.Image:
        """The image at an index."""
        ...


@runtime_checkable
class Described(Protocol):
    """Images that also have names and classes, and a line that says what they are."""

    description: str

    def name(self, index: int) -> str:
        """The image's name: its path below the folder, with forward slashes."""
        ...

    def label(self, index: int) -> str | None:
        """The image's class, if it has one."""
        ...


@dataclass(frozen=True)
class Folder:
    """Photographs below a folder, in the order of their paths.

    A photograph's class is the first folder of its path; those that lie flat have none.
    """

    root: Path
    paths: tuple[str, ...]

    @property
    def description(self) -> str:
        """What these images are."""
        return f"{len(self.paths):,} photographs of the folder {self.root.name}"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Image.Image:
        path = self.root / self.paths[index]
        try:
            with Image.open(path) as image:
                image.load()
                return image
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise AtlasError(f"{path} can't be read as an image: {error}") from error

    def name(self, index: int) -> str:
        """Path below the folder."""
        return self.paths[index]

    def label(self, index: int) -> str | None:
        """First folder of the path."""
        first, _, rest = self.paths[index].partition("/")
        return first if rest else None


def open_folder(root: Path, limit: int | None = None) -> Folder:
    """List the photographs below a folder; with ``limit``, that many spread evenly over them."""
    if not root.is_dir():
        raise UsageError(f"--images {root}: there is no such folder")
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in files:
            if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                found.append((Path(folder) / file).relative_to(root).as_posix())
    if not found:
        raise UsageError(
            f"--images {root}: no image in it or below it "
            f"(looked for {', '.join(sorted(SUFFIXES))})"
        )
    found.sort()
    if limit is not None and limit < len(found):
        found = [found[i * len(found) // limit] for i in range(limit)]
    return Folder(root, tuple(found))


class DemoImages(World):
    """The demo world's pictures for an atlas, with names and classes."""

    @property
    def description(self) -> str:
        """What these images are."""
        return f"{self.count:,} pictures of the demo world, seed {self.seed}"

    def name(self, index: int) -> str:
        """Class and index."""
        return f"{self.label(index)}/{self.first + index:05d}.png"


def name_of(images: Images, index: int) -> str:
    """An image's name, or its index where it has none."""
    return images.name(index) if isinstance(images, Described) else str(index)


def label_of(images: Images, index: int) -> str | None:
    """An image's class, if it has one."""
    return images.label(index) if isinstance(images, Described) else None


@dataclass(frozen=True)
class Stimulus:
    """One image as the network sees it, ``[H, W, C]`` uint8, and a digest of its decoded pixels.

    ``look`` is its perceptual hash of 64 bits, if one was asked for; ``recoloured`` whether a grey
    image is shown to a network of colours, or the reverse.
    """

    index: int
    pixels: np.ndarray
    digest: bytes
    look: int | None = None
    recoloured: bool = False


class _Stimuli(Dataset["Stimulus | AtlasError"]):
    def __init__(
        self, images: Images, preprocessing: Preprocessing, indices: Sequence[int], looks: bool
    ) -> None:
        self.images, self.preprocessing = images, preprocessing
        self.indices, self.looks = indices, looks

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Stimulus | AtlasError:
        index = self.indices[place]
        try:
            original = self.images[index]
            image = original.convert(self.preprocessing.mode)
        except AtlasError as error:  # handed over, for a worker would wrap it in its traceback
            return error
        digest = hashlib.blake2b(image.tobytes(), digest_size=16, key=b"%dx%d" % image.size)
        look = perceptual_hash(image) if self.looks else None
        recoloured = (original.mode in GREY) != (image.mode in GREY)
        stimulus = self.preprocessing.stimulus(image)
        return Stimulus(index, stimulus, digest.digest(), look, recoloured)


def perceptual_hash(image: Image.Image) -> int:
    """The 64 bits of imagehash's ``phash``: pictures that look alike differ in few of them."""
    try:
        import imagehash
    except ImportError as error:
        why = "imagehash is not installed (pip install imagehash)"
        raise UsageError(f"--near-duplicates: {why}") from error
    return int(str(imagehash.phash(image)), 16)


def stimuli(
    images: Images,
    preprocessing: Preprocessing,
    indices: Sequence[int],
    workers: int = 0,
    looks: bool = False,
) -> Iterator[Stimulus]:
    """The stimuli of these images in this order, decoded ahead in ``workers`` processes.

    With ``looks`` they carry perceptual hashes. Raises ``AtlasError`` for an image that can't be
    read.
    """
    loader = DataLoader(
        _Stimuli(images, preprocessing, indices, looks),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=32 if workers else None,
        collate_fn=_as_it_is,
    )
    for found in loader:
        if isinstance(found, AtlasError):
            raise found
        yield found


def _as_it_is(stimulus: Any) -> Any:
    return stimulus
