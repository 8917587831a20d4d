"""A heat map beside its image, as one picture for slides."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from atlas.data.experiments.occlusion import Square
from atlas.data.records import Pair

# dark to bright in even steps, also for those who can't tell red from green; as in the style sheet
COLOURS = (
    "#440154", "#482878", "#3e4a89", "#31688e", "#26828e",
    "#1f9e89", "#35b779", "#6dcd59", "#b4de2c", "#fde725",
)  # fmt: skip
SIDE = 448  # pixels of the longer side of the image and of its map, at least
MARGIN, LINE = 16, 28
INK = "#1d1b18"


def beside_its_map(
    stimulus: np.ndarray,
    grid: Sequence[Sequence[float]],
    *,
    square: Square,
    at: Pair,
    caption: str,
    scale: tuple[str, str],
) -> bytes:
    """A stimulus ``[H, W, C]`` uint8 with the square at a place, and the map of all places: PNG.

    The map's colours go from 0 to its largest figure; ``scale`` says both in words.
    """
    height, width = square.frame
    factor = -(-SIDE // max(height, width))
    size = width * factor, height * factor
    levels = stimulus if stimulus.shape[2] == 3 else np.repeat(stimulus, 3, 2)
    image = Image.fromarray(np.ascontiguousarray(levels)).resize(size, Image.Resampling.LANCZOS)
    top, left, bottom, right = (edge * factor for edge in square.box(*at))
    colour = square.colour if len(square.colour) == 3 else square.colour * 3
    ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), colour, "white", 2)
    figure = Image.new("RGB", (2 * size[0] + 3 * MARGIN, size[1] + 2 * LINE + 2 * MARGIN), "white")
    figure.paste(image, (MARGIN, MARGIN))
    figure.paste(_map(grid, square, factor), (size[0] + 2 * MARGIN, MARGIN))
    pen, font = ImageDraw.Draw(figure), ImageFont.load_default(18)
    below = size[1] + MARGIN + 6
    pen.text((MARGIN, below + LINE), caption, INK, font)
    step, start = size[0] // len(COLOURS), size[0] + 2 * MARGIN
    for number, one in enumerate(COLOURS):
        across = start + number * step
        pen.rectangle((across, below, across + step - 1, below + 10), one)
    pen.text((start, below + LINE - 8), scale[0], INK, font)
    end = start + step * len(COLOURS)
    pen.text((end, below + LINE - 8), scale[1], INK, font, anchor="ra")
    content = io.BytesIO()
    figure.save(content, "PNG", optimize=True)
    return content.getvalue()


def _map(grid: Sequence[Sequence[float]], square: Square, factor: int) -> Image.Image:
    height, width = square.frame
    picture = Image.new("RGB", (width * factor, height * factor))
    pen, most = ImageDraw.Draw(picture), max(map(max, grid)) or 1.0
    for row, values in enumerate(grid):
        for column, value in enumerate(values):
            level = min(len(COLOURS) - 1, max(0, int(value / most * len(COLOURS))))
            left, top = column * square.stride * factor, row * square.stride * factor
            end = square.stride * factor - 1
            pen.rectangle((left, top, left + end, top + end), COLOURS[level])
    return picture
