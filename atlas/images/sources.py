"""Where stimuli come from: a folder of photographs, the demo world, or any indexable of images."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from atlas.demo.world import World
from atlas.errors import AtlasError, UsageError
from atlas.images.duplicates import ImageIdentity
from atlas.images.preprocessing import Preprocessing

T = TypeVar("T")

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


class Identified(Protocol):
    """Images that can be told from others without looking at all their pixels."""

    def identity(self) -> str:
        """A text that other images, or these after a change, don't have."""
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

    def identity(self) -> str:
        """A digest that another folder, or this one after a change, has not."""
        digest = hashlib.sha256()
        for path in self.paths:
            found = (self.root / path).stat()
            digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
        return digest.hexdigest()

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

    def identity(self) -> str:
        """What tells these pictures from others of the demo world."""
        return f"demo {self.count} {self.seed} {self.first}"

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
    """One image as the network sees it, ``[H, W, C]`` uint8, and what tells it from others.

    ``look`` is None where nobody asked.
    """

    index: int
    pixels: np.ndarray
    look: ImageIdentity | None = None


@dataclass(frozen=True)
class StimulusCache:
    """Stimuli in a file, so that an image that was decoded once needn't be again.

    Each has its place, ``shape`` ``(H, W, C)`` bytes and a mark that they are all there; those
    of images beyond ``limit`` bytes have none, and are decoded again.
    """

    path: Path
    shape: tuple[int, int, int]
    limit: int = 2 << 30

    def put(self, index: int, pixels: np.ndarray) -> None:
        """Keep a stimulus, if there is room for it."""
        size = math.prod(self.shape) + 1
        if (index + 1) * size <= self.limit:
            with open(os.open(self.path, os.O_RDWR | os.O_CREAT), "r+b", buffering=0) as file:
                # the mark comes last: what a killed process left half done isn't taken for whole
                file.seek(index * size)
                file.write(pixels.tobytes() + b"\1")

    def get(self, index: int) -> np.ndarray | None:
        """A stimulus that was kept, or None."""
        size = math.prod(self.shape) + 1
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(index * size)
                found = file.read(size)
        except FileNotFoundError:
            return None
        if len(found) < size or found[-1] != 1:
            return None
        return np.frombuffer(found, np.uint8, size - 1).reshape(self.shape)


class _Stimuli(Dataset["Stimulus | AtlasError"]):
    def __init__(
        self,
        images: Images,
        preprocessing: Preprocessing,
        indices: Sequence[int],
        hashes: bool,
        kept: StimulusCache | None,
    ) -> None:
        self.images, self.preprocessing = images, preprocessing
        self.indices, self.hashes, self.kept = indices, hashes, kept

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Stimulus | AtlasError:
        try:
            found = self._decoded(self.indices[place])
        except AtlasError as error:  # handed over, for a worker would wrap it in its traceback
            return error
        if self.kept:
            self.kept.put(found.index, found.pixels)
        return found

    def _decoded(self, index: int) -> Stimulus:
        original = self.images[index]
        image = original.convert(self.preprocessing.mode)
        digest = hashlib.blake2b(image.tobytes(), digest_size=16, key=b"%dx%d" % image.size)
        hash_ = perceptual_hash(image) if self.hashes else None
        recoloured = (original.mode in GREY) != (image.mode in GREY)
        look = ImageIdentity(index, digest.digest(), hash_, recoloured)
        return Stimulus(index, self.preprocessing.stimulus(image), look)


class _Again(_Stimuli):
    """Stimuli that were looked at before: as they were kept, where they were."""

    def __getitem__(self, place: int) -> Stimulus | AtlasError:
        index = self.indices[place]
        pixels = self.kept.get(index) if self.kept else None
        return super().__getitem__(place) if pixels is None else Stimulus(index, pixels)


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
    hashes: bool = False,
    kept: StimulusCache | None = None,
    again: bool = False,
) -> Iterator[Stimulus]:
    """The stimuli of these images in this order, decoded ahead in ``workers`` processes.

    With ``hashes`` they carry perceptual hashes. They are put into ``kept``; the second time,
    with ``again``, taken from there, and then without a look. Raises ``AtlasError`` for an image
    that can't be read.
    """
    yield from ahead(
        (_Again if again else _Stimuli)(images, preprocessing, indices, hashes, kept), workers
    )


def ahead(dataset: Dataset[T | AtlasError], workers: int) -> Iterator[T]:
    """What a data set holds, in order, made ahead in ``workers`` processes.

    Raises the ``AtlasError`` that it holds in the place of what couldn't be made.
    """
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=32 if workers else None,
        collate_fn=_as_it_is,
    )
    for found in loader:
        if isinstance(found, AtlasError):
            raise found
        yield found


def _as_it_is(found: Any) -> Any:
    return found
