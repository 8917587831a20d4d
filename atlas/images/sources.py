"""Images: a folder of photographs, the demo world, or any indexable of images."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from atlas.data.escaping import escaped
from atlas.demo.world import World
from atlas.errors import UsageError
from atlas.images.reading import read_image, state_of

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
SURROGATES = "surrogateescape"  # how Python keeps bytes of a name that are no UTF-8


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

    A folder that can't be listed counts as one that can't be read, and so does a link to a folder,
    which may lead in a circle: a link to a photograph is followed, wherever it leads. Raises
    ``UsageError`` if there is no such folder, or no photograph below it.
    """
    if not root.is_dir():
        raise UsageError(f"--images {root}: there is no such folder")
    closed: list[OSError] = []
    paths = []
    for folder, folders, files in os.walk(root, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        paths += [(Path(folder) / name).relative_to(root).as_posix() for name in links]
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
