"""Where parts are in photographs, as boxes in a CSV file: masks for those who have none.

A line names a photograph by its path below the folder of images, a part, and a box in pixels of the
photograph as a browser shows it, half-open:

    image, part, top, left, bottom, right
    dogs/rex.jpg, nose, 120, 80, 160, 130

Several lines for a part are several boxes of it. The mask of a part is white within its boxes. An
image without any line counts as not annotated.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from atlas.data.escaping import escaped
from atlas.data.records import Corners
from atlas.errors import AtlasError, UsageError
from atlas.images.sources import Folder

_HEAD = ["image", "part", "top", "left", "bottom", "right"]


@dataclass(frozen=True)
class BoxFile:
    """Boxes from a file; ``boxes`` holds those of each image, by part."""

    path: Path
    images: Folder
    boxes: tuple[dict[str, tuple[Corners, ...]], ...]

    @property
    def description(self) -> str:
        """A line that describes them."""
        parts = {name for boxes in self.boxes for name in boxes}
        return f"{len(parts)} parts by their boxes in {escaped(self.path.name)}"

    def indices(self) -> list[int]:
        """The indices of the images with at least one box."""
        return [index for index, boxes in enumerate(self.boxes) if boxes]

    def of(self, index: int) -> dict[str, Image.Image]:
        """The mask of each part of an image, as large as the photograph."""
        if not self.boxes[index]:
            return {}
        size = self.images[index].size
        masks = {}
        for name, boxes in self.boxes[index].items():
            masks[name] = Image.new("L", size)
            pen = ImageDraw.Draw(masks[name])
            for top, left, bottom, right in boxes:
                pen.rectangle((left, top, right - 1, bottom - 1), 255)
        return masks

    def identity(self) -> str:
        """A digest of all boxes."""
        return hashlib.sha256(repr(self.boxes).encode()).hexdigest()


def open_boxes(path: Path, images: Folder) -> BoxFile:
    """The boxes in a file that belong to these images.

    Raises ``AtlasError``, with file and line, for what can't be meant, and ``UsageError`` where no
    line names any of the images.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AtlasError(f"--masks {path} can't be read: {error}") from error
    found: dict[str, dict[str, tuple[Corners, ...]]] = {}
    rows = csv.reader(text.splitlines(keepends=True), skipinitialspace=True, strict=True)
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if any(cells) and [cell.lower() for cell in cells] != _HEAD:
                image, part, box = _line(cells)
                parts = found.setdefault(image, {})
                parts[part] = (*parts.get(part, ()), box)
    except (csv.Error, ValueError) as error:
        raise AtlasError(f"{path}:{rows.line_num}: {error}") from None
    boxes = tuple(found.get(name, {}) for name in images.paths)
    if not any(boxes):
        raise UsageError(f"--masks {path}: no line names any image (the first is {images.name(0)})")
    return BoxFile(path, images, boxes)


def _line(cells: list[str]) -> tuple[str, str, Corners]:
    """A line's image, part and box. Raises ``ValueError``, with a message for people."""
    if len(cells) != len(_HEAD):
        raise ValueError(f"{', '.join(_HEAD)} are wanted, not {len(cells)} fields")
    image, part, *edges = cells
    if not image or not part:
        raise ValueError("an image and a part are wanted")
    if not all(edge.isdecimal() for edge in edges):
        raise ValueError(f"{', '.join(edges)}: four whole numbers are wanted")
    top, left, bottom, right = map(int, edges)
    if bottom <= top or right <= left:
        raise ValueError(f"{', '.join(edges)}: the box is empty (top, left, bottom, right)")
    return image, escaped(part), (top, left, bottom, right)
