"""A photograph's file, read: its picture the way up that browsers show it, or why there is none."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from atlas.data.escaping import escaped
from atlas.errors import AtlasError, first_line

# what is read, whatever a file is called: no kind whose decoder runs another program, as that of
# PostScript does
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "PPM")
# what EXIF's orientation asks for
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
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
    """The picture in a file, decoded, and turned as its EXIF data say.

    Raises ``UnreadableImage`` for whatever is wrong with the file, and ``OSError`` or
    ``MemoryError`` where the machine has no memory or no file handle left.
    """
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise UnreadableImage(str(path), "not a regular file")
        if stat.S_ISDIR(status.st_mode) and path.is_symlink():
            raise UnreadableImage(str(path), "a link to a folder, which is not followed")
        if not status.st_size:
            raise UnreadableImage(str(path), "the file is empty")
        Image.init()  # without it Pillow doesn't know all formats by their names
        with Image.open(path, formats=FORMATS) as image:
            if image.format == "PNG":
                _check(path)
            image.load()
            return upright(image)
    except (MemoryError, UnreadableImage):
        raise
    except Exception as error:  # Pillow's decoders raise what they please on a broken file
        if isinstance(error, OSError) and error.errno in MACHINE:
            raise
        raise UnreadableImage(str(path), reason_of(error, path)) from error


def _check(path: Path) -> None:
    """Raise if a PNG's checksums aren't right: decoding doesn't look at all of them."""
    with Image.open(path, formats=["PNG"]) as image:
        image.verify()


def reason_of(error: Exception, path: Path) -> str:
    """Why a file can't be read, in a few words that don't say where it lies."""
    if isinstance(error, UnidentifiedImageError):
        return "no image, or of a kind that isn't read"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return escaped(first_line(error).replace(str(path), path.name))


def upright(image: Image.Image) -> Image.Image:
    """An image turned as its EXIF data say; itself where they say nothing.

    Browsers show it so. Like them it passes over EXIF data that are broken, and over XMP.
    """
    data = image.info.get("exif")
    if not data:
        return image
    try:
        exif = Image.Exif()
        exif.load(data)
        turn = TURNS.get(exif.get(ExifTags.Base.Orientation, 1))
    except Exception:  # Pillow raises what it pleases here as well
        return image
    return image if turn is None else image.transpose(turn)


def state_of(path: Path) -> str:
    """A text that changes when a file's content does, or whether it can be read."""
    try:
        status = path.stat()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "unknown")
    effective = os.access in os.supports_effective_ids
    is_open = os.access(path, os.R_OK, effective_ids=effective)
    return f"{status.st_size}\0{status.st_mtime_ns}{'' if is_open else ' closed'}"
