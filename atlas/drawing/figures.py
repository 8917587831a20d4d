"""A layer's figure for print and slides: a few units' plates with captions.

As in figure 2 of Zeiler & Fergus 2013.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from atlas.data.records import LayerData, Unit

ACROSS = 2
SPACE, LINE, MARGIN = 24, 30, 16  # pixels between plates, for a caption, and around the figure
INK = "#1d1b18"
QUALITY = 75  # of plates on a figure


@dataclass(frozen=True)
class Panel:
    """One unit on a figure: its plate on white, and the caption below it."""

    plate: Image.Image
    caption: str


def caption(layer: LayerData, unit: Unit) -> str:
    """A unit's name, and the class that more than half of its nine have, if one does."""
    name = f"{layer.layer}/{unit.unit}"
    most = unit.commonest
    if not most or 2 * most[1] <= len(unit.nine):
        return name
    return f"{name}  {most[0]} {most[1]}/{len(unit.nine)}"


def title(layer: LayerData, *, lit: bool = False) -> str:
    """The title of a layer's figure, with reconstructions or with lit patches."""
    close = "; close-ups" if layer.close_up else ""
    if lit:
        return (
            f"Units of {layer.layer}: the nine strongest patches, and lit where their "
            f"reconstructions are strong{close}"
        )
    what = "patches and their reconstructions" if layer.plate.patches else "reconstructions"
    return f"Units of {layer.layer}: the nine strongest {what}{close}"


def on_paper(plate: Image.Image) -> Image.Image:
    """A plate with white in place of transparency, for print, slides and JPEG."""
    paper = Image.new("RGB", plate.size, "white")
    paper.paste(plate, mask=plate.getchannel("A") if "A" in plate.getbands() else None)
    return paper


def jpeg(plate: Image.Image, *, quality: int = QUALITY, sharp: bool = True) -> bytes:
    """A plate as JPEG; ``sharp`` keeps its colours at full resolution."""
    file = io.BytesIO()
    subsampling = 0 if sharp else 2
    on_paper(plate).save(file, "JPEG", quality=quality, subsampling=subsampling, optimize=True)
    return file.getvalue()


def png(panels: Sequence[Panel]) -> bytes:
    """A figure as PNG in 256 colours, two plates to a row."""
    width, height = _size(panels)
    figure = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(figure), ImageFont.load_default(18)
    for panel, (left, top) in zip(panels, _corners(panels), strict=True):
        figure.paste(panel.plate, (left, top))
        pen.text((left, top + panel.plate.height + 6), panel.caption, INK, font)
    # every third pixel of every third row has the same colours, and the cut takes long
    some = figure.resize((width // 3, height // 3), Image.Resampling.NEAREST)
    colours = some.quantize(256, Image.Quantize.MEDIANCUT)
    file = io.BytesIO()
    figure.quantize(palette=colours, dither=Image.Dither.NONE).save(file, "PNG")
    return file.getvalue()


def svg(panels: Sequence[Panel], name: str) -> str:
    """The same figure as an SVG that embeds its plates as JPEG and has captions as text."""
    width, height = _size(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">',
        f"<title>{html.escape(name)}</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for panel, (left, top) in zip(panels, _corners(panels), strict=True):
        code = base64.b64encode(jpeg(panel.plate)).decode()
        across, down = panel.plate.size
        parts += [
            f'<image x="{left}" y="{top}" width="{across}" height="{down}" '
            f'href="data:image/jpeg;base64,{code}"/>',
            f'<text x="{left}" y="{top + down + 22}" font-family="Helvetica, Arial, sans-serif" '
            f'font-size="18" fill="{INK}">{html.escape(panel.caption)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _corners(panels: Sequence[Panel]) -> list[tuple[int, int]]:
    """Left and top of each plate; all plates of a layer have one size."""
    width, height = panels[0].plate.size
    return [
        (
            MARGIN + (place % ACROSS) * (width + SPACE),
            MARGIN + (place // ACROSS) * (height + LINE + SPACE),
        )
        for place in range(len(panels))
    ]


def _size(panels: Sequence[Panel]) -> tuple[int, int]:
    """Width and height of the whole figure."""
    left = max(corner[0] for corner in _corners(panels))
    top = max(corner[1] for corner in _corners(panels))
    width, height = panels[0].plate.size
    return left + width + MARGIN, top + height + LINE + MARGIN
