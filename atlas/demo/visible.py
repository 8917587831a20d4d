"""Masks of what is visible: each part's own, while shapes hide each other.

A shape belongs to some parts and hides whatever lies under it. So one sheet is enough for all
masks: it holds, for each pixel, which parts the last shape there belongs to. Text alone has soft
edges, which no such number can hold; it is drawn into every part's own mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Parts = tuple[str, ...]
Point = tuple[float, float]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

INKS = 255  # numbers that a pixel of the sheet can hold, besides 0 where nothing was drawn


class Visible:
    """The parts of a picture of ``size`` (width, height) pixels, shape by shape."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._sheet = Image.new("L", size)
        self._pen = ImageDraw.Draw(self._sheet)
        self._inks: dict[Parts, int] = {}
        self._masks: dict[str, Image.Image] = {}  # without what stands on the sheet

    def polygon(self, corners: Sequence[Point], parts: Parts) -> None:
        """A filled polygon that belongs to these parts."""
        self._pen.polygon(corners, fill=self._ink(parts))

    def line(self, corners: Sequence[Point], width: int, parts: Parts) -> None:
        """A line that belongs to these parts."""
        self._pen.line(corners, fill=self._ink(parts), width=width, joint="curve")

    def text(self, centre: Point, text: str, font: Font, parts: Parts) -> None:
        """Text that belongs to these parts."""
        self._settle()
        self._know(parts)
        drawn = Image.new("L", self._sheet.size)
        ImageDraw.Draw(drawn).text(centre, text, fill=255, font=font, anchor="mm")
        if box := drawn.getbbox():
            letters = drawn.crop(box)
            for name, mask in self._masks.items():
                mask.paste(255 if name in parts else 0, box, letters)

    def masks(self, reduction: int) -> dict[str, np.ndarray]:
        """Each visible part's mask by name, so many times smaller: bool, half of it or more."""
        self._settle()
        reduced = {name: np.asarray(mask.reduce(reduction)) >= 128
                   for name, mask in sorted(self._masks.items())}  # fmt: skip
        return {name: mask for name, mask in reduced.items() if mask.any()}

    def _ink(self, parts: Parts) -> int:
        if parts not in self._inks:
            if len(self._inks) == INKS:
                self._settle()
            self._inks[parts] = len(self._inks) + 1
        return self._inks[parts]

    def _know(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._masks:
                self._masks[name] = Image.new("L", self._sheet.size)

    def _settle(self) -> None:
        """Bring what stands on the sheet into the masks, and begin another sheet."""
        if box := self._sheet.getbbox():
            known = set(self._masks)
            self._know(name for parts in self._inks for name in parts)
            sheet = self._sheet.crop(box)
            inks = sheet.tobytes()
            drawn = Image.frombytes("L", sheet.size, inks.translate(bytes([0] + [255] * INKS)))
            for name, mask in self._masks.items():
                own = bytearray(1 + INKS)
                for parts, ink in self._inks.items():
                    own[ink] = 255 if name in parts else 0
                visible = Image.frombytes("L", sheet.size, inks.translate(own))
                mask.paste(visible, box, drawn if name in known else None)
            self._sheet.paste(0, box)
        self._inks = {}
