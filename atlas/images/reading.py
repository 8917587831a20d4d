"""A photograph's file, read: its picture, or why there is none."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from atlas.data.escaping import escaped
from atlas.errors import AtlasError, first_line

# errors of the machine: the file may be as good as any
MACHINE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class UnreadableImage(AtlasError):
    """An image that can't be read; ``reason`` says why in a few words, without the path."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)  # both, so that a worker process can pass it on
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file} can't be read as an image: {self.reason}"


def read_image(path: Path) -> Image.Image:
    """The picture in a file, decoded.

    Raises ``UnreadableImage`` for whatever is wrong with the file, and ``OSError`` or
    ``MemoryError`` where the machine has no memory or no file handle left.
    """
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise UnreadableImage(str(path), "not a regular file")
        if not status.st_size:
            raise UnreadableImage(str(path), "the file is empty")
        with Image.open(path) as image:
            image.load()
            return image
    except (MemoryError, UnreadableImage):
        raise
    except Exception as error:  # Pillow's decoders raise what they please on a broken file
        if isinstance(error, OSError) and error.errno in MACHINE:
            raise
        raise UnreadableImage(str(path), reason_of(error, path)) from error


def reason_of(error: Exception, path: Path) -> str:
    """Why a file can't be read, in a few words that don't say where it lies."""
    if isinstance(error, UnidentifiedImageError):
        return "no image, or of a kind that Pillow doesn't know"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return escaped(first_line(error).replace(str(path), path.name))


def state_of(path: Path) -> str:
    """A text that changes when a file's content does, or whether it can be read."""
    try:
        status = path.stat()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "unknown")
    effective = os.access in os.supports_effective_ids
    is_open = os.access(path, os.R_OK, effective_ids=effective)
    return f"{status.st_size}\0{status.st_mtime_ns}{'' if is_open else ' closed'}"
