"""Stimuli: images as the network sees them, decoded ahead, and kept for later passes."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from atlas.errors import AtlasError, UsageError
from atlas.images.duplicates import DIGEST, ImageIdentity
from atlas.images.modes import seen
from atlas.images.preprocessing import Preprocessing, loaded_transforms
from atlas.images.reading import UnreadableImage, reason_of
from atlas.images.sources import Images, name_of
from atlas.runtime.full_disk import is_full

T = TypeVar("T")
SUM = 8  # bytes of the digest of a stimulus in the cache

GREY = {"1", "L", "LA", "La", "I", "I;16", "F"}  # Pillow's modes without colour


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

    Every image has a place in the file: ``shape`` ``(H, W, C)`` bytes, and a digest of them, of the
    image's index and of the file's name. Where that isn't right, as where a killed process left
    half a stimulus, there is none. Images whose place would lie beyond ``limit`` bytes aren't
    cached, and none are where the disk is full: it is needed for what can't be had otherwise.
    """

    path: Path
    shape: tuple[int, int, int]
    limit: int = 2 << 30

    def put(self, index: int, pixels: np.ndarray) -> None:
        """Store the pixels of a stimulus, unless its place lies beyond the limit."""
        size = math.prod(self.shape) + SUM
        if (index + 1) * size > self.limit:
            return
        try:
            with open(os.open(self.path, os.O_RDWR | os.O_CREAT), "r+b", buffering=0) as file:
                file.seek(index * size)
                content = pixels.tobytes()
                file.write(content + self._sum(index, content))
        except OSError as error:
            if not is_full(error):
                raise

    def get(self, index: int) -> np.ndarray | None:
        """The pixels of a stimulus; None if they aren't stored."""
        size = math.prod(self.shape) + SUM
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(index * size)
                content = file.read(size)
        except FileNotFoundError:
            return None
        if len(content) < size or content[-SUM:] != self._sum(index, content[:-SUM]):
            return None
        return np.frombuffer(content, np.uint8, size - SUM).reshape(self.shape)

    def _sum(self, index: int, content: bytes) -> bytes:
        digest = hashlib.blake2b(f"{self.path.name} {index}".encode(), digest_size=SUM)
        digest.update(content)
        return digest.digest()


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
            return self.preprocessing.fitting(seen(image, self.preprocessing.mode))
        except ValueError as error:
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
