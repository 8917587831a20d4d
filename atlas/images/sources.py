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
from atlas.images.duplicates import DIGEST, ImageIdentity
from atlas.images.preprocessing import Preprocessing, loaded_transforms
from atlas.images.reading import UnreadableImage, read_image, reason_of, state_of
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

    def describe(self, count: int) -> str:
        """A line that describes ``count`` of them: those that were looked at."""
        ...

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

    def describe(self, count: int) -> str:
        """A line that describes ``count`` of them."""
        return f"{count:,} photographs of the folder {escaped(self.root.name)}"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Image.Image:
        return read_image(self.root / self.paths[index])

    def identity(self) -> str:
        """A digest of the files' paths, sizes, times of change, and whether they can be opened."""
        digest = hashlib.sha256()
        for path in self.paths:
            digest.update(f"{path}\0{state_of(self.root / path)}\n".encode(errors=SURROGATES))
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

    A folder that can't be listed counts as one that can't be read. Raises ``UsageError`` if there
    is no such folder, or no photograph below it.
    """
    if not root.is_dir():
        raise UsageError(f"--images {root}: there is no such folder")
    closed: list[OSError] = []
    paths = []
    for folder, folders, files in os.walk(root, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in files:
            if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                paths.append((Path(folder) / file).relative_to(root).as_posix())
    for error in closed:
        if Path(error.filename) == root:
            raise UsageError(f"--images {root}: {error.strerror}") from error
        paths.append(Path(error.filename).relative_to(root).as_posix())
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

    def describe(self, count: int) -> str:
        """A line that describes ``count`` of them."""
        return f"{count:,} pictures of the demo world, seed {self.seed}"

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
class Unread:
    """An image that can't be read: its index, and its ``error``."""

    index: int
    error: UnreadableImage


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
class _Stimuli(Dataset["Stimulus | Unread | AtlasError"]):
    """Stimuli by their places among ``indices``; an ``Unread`` for an image that can't be read.

    With ``again`` a stimulus comes from the cache if it is there. An ``AtlasError`` is what else
    went wrong.
    """

    images: Images
    preprocessing: Preprocessing
    indices: Sequence[int]
    hashes: bool
    cache: StimulusCache | None
    again: bool

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Stimulus | Unread | AtlasError:
        index = self.indices[place]
        pixels = self.cache.get(index) if self.cache and self.again else None
        if pixels is not None:
            return Stimulus(index, pixels)
        try:
            stimulus = self._decoded(index)
        # returned, because a worker process would add its traceback
        except UnreadableImage as error:
            return Unread(index, error)
        except AtlasError as error:
            return error
        if self.cache:
            self.cache.put(index, stimulus.pixels)
        return stimulus

    def _decoded(self, index: int) -> Stimulus:
        original = self.images[index]
        image = self._converted(index, original)
        digest = hashlib.blake2b(image.tobytes(), digest_size=DIGEST, key=b"%dx%d" % image.size)
        hash_ = perceptual_hash(image) if self.hashes else None
        recoloured = (original.mode in GREY) != (image.mode in GREY)
        identity = ImageIdentity(index, digest.digest(), hash_, recoloured)
        return Stimulus(index, self.preprocessing.stimulus(image), identity)

    def _converted(self, index: int, image: Image.Image) -> Image.Image:
        try:
            return image.convert(self.preprocessing.mode)
        except ValueError as error:  # there is no way from these colours to those
            name = name_of(self.images, index)
            raise UnreadableImage(name, reason_of(error, Path(name))) from error


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
    source: Iterator[Stimulus | Unread] = made_ahead(dataset, workers)
    for one in source:
        if not isinstance(one, Unread):
            yield one
        elif again:
            goes_on = "run the same command again: it leaves the image out"
            raise AtlasError(f"{one.error}, though it could be before; {goes_on}")
        else:
            raise one.error


def stimuli_and_unread(
    images: Images,
    preprocessing: Preprocessing,
    indices: Sequence[int],
    *,
    workers: int = 0,
    hashes: bool = False,
    cache: StimulusCache | None = None,
) -> Iterator[Stimulus | Unread]:
    """The same as ``stimuli``, with an ``Unread`` in the place of an image that can't be read."""
    return made_ahead(_Stimuli(images, preprocessing, indices, hashes, cache, False), workers)


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
