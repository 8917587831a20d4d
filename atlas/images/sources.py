"""Images and their stimuli: a folder of photographs, the demo world, or any indexable of images."""

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

from atlas.data.escaping import escaped
from atlas.demo.world import World
from atlas.errors import AtlasError, UsageError
from atlas.images.duplicates import ImageIdentity
from atlas.images.preprocessing import Preprocessing, loaded_transforms
from atlas.runtime.full_disk import is_full

T = TypeVar("T")

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
SURROGATES = "surrogateescape"  # how Python keeps bytes of a name that are no UTF-8
GREY = {"1", "L", "LA", "La", "I", "I;16", "F"}  # Pillow's modes without colour


class Images(Protocol):
    """Anything indexable that yields PIL images."""

    def __len__(self) -> int:
        """The number of images."""
        ...

    def __getitem__(self, index: int) -> Image.Image:
        """The image at an index."""
        ...


@runtime_checkable
class Described(Protocol):
    """Images with names, classes and a line that describes them."""

    description: str

    def name(self, index: int) -> str:
        """The image's name: its path below the folder, with forward slashes, escaped."""
        ...

    def label(self, index: int) -> str | None:
        """The image's class; None if it has none."""
        ...


class Identified(Protocol):
    """Images with an identity that can be had without decoding them."""

    def identity(self) -> str:
        """A text that changes whenever the images do."""
        ...


@dataclass(frozen=True)
class Folder:
    """Photographs below a folder, in the order of their paths.

    A photograph's class is the first folder of its path; one that lies in ``root`` itself has none.
    Names and classes are ``escaped``; ``paths`` are as Python has them.
    """

    root: Path
    paths: tuple[str, ...]

    @property
    def description(self) -> str:
        """A line that describes them."""
        return f"{len(self.paths):,} photographs of the folder {escaped(self.root.name)}"

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
        """A digest of the files' paths, sizes and times of change."""
        digest = hashlib.sha256()
        for path in self.paths:
            status = (self.root / path).stat()
            entry = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
            digest.update(entry.encode(errors=SURROGATES))
        return digest.hexdigest()

    def name(self, index: int) -> str:
        """The photograph's path below the folder, escaped."""
        return escaped(self.paths[index])

    def label(self, index: int) -> str | None:
        """The first folder of the photograph's path, escaped; None if there is none."""
        first, _, rest = self.paths[index].partition("/")
        return escaped(first) if rest else None


def open_folder(root: Path, limit: int | None = None) -> Folder:
    """The photographs below a folder; with ``limit``, that many of them, spread evenly.

    Raises ``UsageError`` if there is no such folder, or no photograph below it.
    """
    if not root.is_dir():
        raise UsageError(f"--images {root}: there is no such folder")
    paths = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in files:
            if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                paths.append((Path(folder) / file).relative_to(root).as_posix())
    if not paths:
        raise UsageError(
            f"--images {root}: no image in it or below it "
            f"(looked for {', '.join(sorted(SUFFIXES))})"
        )
    paths.sort()
    if limit is not None and limit < len(paths):
        paths = [paths[i * len(paths) // limit] for i in range(limit)]
    return Folder(root, tuple(paths))


class DemoImages(World):
    """The demo world's pictures, with names and classes."""

    @property
    def description(self) -> str:
        """A line that describes them."""
        return f"{self.count:,} pictures of the demo world, seed {self.seed}"

    def identity(self) -> str:
        """A text that no other pictures of the demo world have."""
        return f"demo {self.count} {self.seed} {self.first}"

    def name(self, index: int) -> str:
        """The picture's class and index, as a path."""
        return f"{self.label(index)}/{self.first + index:05d}.png"


def name_of(images: Images, index: int) -> str:
    """An image's name; its index where the images have no names."""
    return images.name(index) if isinstance(images, Described) else str(index)


def label_of(images: Images, index: int) -> str | None:
    """An image's class; None if it has none."""
    return images.label(index) if isinstance(images, Described) else None


@dataclass(frozen=True)
class Stimulus:
    """An image in the network's input frame: its index and its pixels ``[H, W, C]`` uint8.

    ``identity`` is None for a stimulus that came from a cache.
    """

    index: int
    pixels: np.ndarray
    identity: ImageIdentity | None = None


@dataclass(frozen=True)
class StimulusCache:
    """Decoded stimuli in a file, so that later passes needn't decode their images again.

    Every image has a place in the file: ``shape`` ``(H, W, C)`` bytes, and one byte that marks the
    stimulus as complete. Images whose place would lie beyond ``limit`` bytes aren't cached, and
    none are where the disk is full: it is needed for what can't be had otherwise.
    """

    path: Path
    shape: tuple[int, int, int]
    limit: int = 2 << 30

    def put(self, index: int, pixels: np.ndarray) -> None:
        """Store the pixels of a stimulus, unless its place lies beyond the limit."""
        size = math.prod(self.shape) + 1
        if (index + 1) * size > self.limit:
            return
        try:
            with open(os.open(self.path, os.O_RDWR | os.O_CREAT), "r+b", buffering=0) as file:
                # the mark comes last, so that a killed process leaves no half a stimulus marked
                file.seek(index * size)
                file.write(pixels.tobytes() + b"\1")
        except OSError as error:
            if not is_full(error):
                raise

    def get(self, index: int) -> np.ndarray | None:
        """The pixels of a stimulus; None if they aren't stored."""
        size = math.prod(self.shape) + 1
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(index * size)
                content = file.read(size)
        except FileNotFoundError:
            return None
        if len(content) < size or content[-1] != 1:
            return None
        return np.frombuffer(content, np.uint8, size - 1).reshape(self.shape)


@dataclass(frozen=True)
class _Stimuli(Dataset["Stimulus | AtlasError"]):
    """Stimuli by their places among ``indices``; an ``AtlasError`` for one that can't be decoded.

    With ``again`` a stimulus comes from the cache if it is there.
    """

    images: Images
    preprocessing: Preprocessing
    indices: Sequence[int]
    hashes: bool
    cache: StimulusCache | None
    again: bool

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Stimulus | AtlasError:
        index = self.indices[place]
        pixels = self.cache.get(index) if self.cache and self.again else None
        if pixels is not None:
            return Stimulus(index, pixels)
        try:
            stimulus = self._decoded(index)
        except AtlasError as error:  # returned, because a worker process would add its traceback
            return error
        if self.cache:
            self.cache.put(index, stimulus.pixels)
        return stimulus

    def _decoded(self, index: int) -> Stimulus:
        original = self.images[index]
        image = original.convert(self.preprocessing.mode)
        digest = hashlib.blake2b(image.tobytes(), digest_size=16, key=b"%dx%d" % image.size)
        hash_ = perceptual_hash(image) if self.hashes else None
        recoloured = (original.mode in GREY) != (image.mode in GREY)
        identity = ImageIdentity(index, digest.digest(), hash_, recoloured)
        return Stimulus(index, self.preprocessing.stimulus(image), identity)


def perceptual_hash(image: Image.Image) -> int:
    """The 64 bits of imagehash's ``phash``: pictures that look alike differ in few of them.

    Raises ``UsageError`` where imagehash is not installed.
    """
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
    *,
    workers: int = 0,
    hashes: bool = False,
    cache: StimulusCache | None = None,
    again: bool = False,
) -> Iterator[Stimulus]:
    """The stimuli of the images at ``indices``, in that order.

    ``workers`` processes decode them ahead. With ``hashes`` their identities hold perceptual
    hashes. Every decoded stimulus goes into ``cache``; a later pass, with ``again``, takes from
    there what it holds. Raises ``AtlasError`` for an image that can't be read.
    """
    dataset = _Stimuli(images, preprocessing, indices, hashes, cache, again)
    yield from made_ahead(dataset, workers)


def made_ahead(dataset: Dataset[T | AtlasError], workers: int) -> Iterator[T]:
    """The items of a data set in order, made ahead by ``workers`` processes.

    Raises the first ``AtlasError`` among the items.
    """
    if workers:
        loaded_transforms()  # once, before processes are forked that would each load them
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=32 if workers else None,
        collate_fn=_as_it_is,
    )
    for item in loader:
        if isinstance(item, AtlasError):
            raise item
        yield item


def _as_it_is(item: Any) -> Any:
    return item
