"""Figures of a layer to print and to project: a few units' plates with their names, as in figure 2
of Zeiler & Fergus.
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
SPACE, LINE, MARGIN = 24, 30, 16  # between plates, for a caption, around it all; in pixels
INK = "#1d1b18"
QUALITY = 75  # of plates on a figure


@dataclass(frozen=True)
class Panel:
    """One unit on a figure: its plate on paper white, and what stands under it."""

    plate: Image.Image
    caption: str


def caption(layer: LayerData, unit: Unit) -> str:
    """A unit's name, and the class that most of its nine have."""
    name = f"{layer.layer}/{unit.unit}"
    most = unit.commonest
    if not most or 2 * most[1] <= len(unit.nine):
        return name
    return f"{name}  {most[0]} {most[1]}/{len(unit.nine)}"


def title(layer: LayerData) -> str:
    """What a layer's figure shows."""
    what = "patches and their reconstructions" if layer.plate.patches else "reconstructions"
    return f"Units of {layer.layer}: the nine strongest {what}"


def on_paper(plate: Image.Image) -> Image.Image:
    """A plate with its clear gaps in white: for print, slides, and formats without clear."""
    paper = Image.new("RGB", plate.size, "white")
    paper.paste(plate, mask=plate.getchannel("A") if "A" in plate.getbands() else None)
    return paper


def jpeg(plate: Image.Image, quality: int = QUALITY, sharp: bool = True) -> bytes:
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
    for panel, (left, top) in zip(panels, _places(panels), strict=True):
        figure.paste(panel.plate, (left, top))
        pen.text((left, top + panel.plate.height + 6), panel.caption, INK, font)
    file = io.BytesIO()
    figure.quantize(256, Image.Quantize.MEDIANCUT).save(file, "PNG")
    return file.getvalue()


def svg(panels: Sequence[Panel], name: str) -> str:
    """The same as SVG that needs no other file: plates as JPEG, names as text."""
    width, height = _size(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">',
        f"<title>{html.escape(name)}</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for panel, (left, top) in zip(panels, _places(panels), strict=True):
        code = base64.b64encode(jpeg(panel.plate)).decode()
        across, down = panel.plate.size
        parts += [
            f'<image x="{left}" y="{top}" width="{across}" height="{down}" '
            f'href="data:image/jpeg;base64,{code}"/>',
            f'<text x="{left}" y="{top + down + 22}" font-family="Helvetica, Arial, sans-serif" '
            f'font-size="18" fill="{INK}">{html.escape(panel.caption)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _places(panels: Sequence[Panel]) -> list[tuple[int, int]]:
    """Left and top of each plate; all plates of a layer are of one size."""
    width, height = panels[0].plate.size
    return [
        (
            MARGIN + (place % ACROSS) * (width + SPACE),
            MARGIN + (place // ACROSS) * (height + LINE + SPACE),
        )
        for place in range(len(panels))
    ]


def _size(panels: Sequence[Panel]) -> tuple[int, int]:
    left, top = (max(place[i] for place in _places(panels)) for i in (0, 1))
    width, height = panels[0].plate.size
    return left + width + MARGIN, top + height + LINE + MARGIN
