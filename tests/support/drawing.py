"""Somebody who draws on the live page's board, whatever browser shows it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any, Protocol

PAPER, SKIN, BROWN, RED = 7, 9, 10, 3  # swatches
Point = tuple[float, float]


class Hand(Protocol):
    """A page's browser, as far as drawing needs it."""

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is on the page."""

    def drag(self, points: Sequence[Point]) -> None:
        """Touch these points of the window one after the other, without letting go."""


class Pen:
    """What draws: points are those of a board of 512 by 512."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.left, self.top, self.scale = hand.value(
            "(b => [b.x, b.y, b.width / 512])"
            "(document.getElementById('live-board').getBoundingClientRect())"
        )

    def stroke(self, *points: Point) -> None:
        """Draw a line through points."""
        self.hand.drag([(self.left + x * self.scale, self.top + y * self.scale) for x, y in points])

    def take(self, colour: int, width: int, tool: str = "brush") -> None:
        """Choose a colour, a width and a tool."""
        self.hand.value(
            f"[document.querySelectorAll('.swatch')[{colour}].click(),"
            f" document.getElementById('live-width').value = {width},"
            f" document.querySelector('[data-tool={tool}]').click()].length"
        )

    def stamp(self, name: str) -> None:
        """Choose a stamp; "" for none."""
        self.hand.value(
            f"(s => {{ s.value = {json.dumps(name)}; s.dispatchEvent(new Event('change')); }})"
            "(document.getElementById('live-stamp'))"
        )

    def share(self) -> float:
        """Of how many of the atlas's images the chosen unit's activation on the board is above."""
        end = time.monotonic() + 60
        while self.hand.value("document.getElementById('live').dataset.busy") != "no":
            assert time.monotonic() < end, "the page is busy for good"
            time.sleep(0.05)
        return float(self.hand.value("document.getElementById('live').dataset.share"))


def face_drawn(hand: Hand) -> tuple[float, float, float]:
    """Draw a face; returns the unit's share for a bare head, with its parts, and without eyes."""
    hand.value("document.querySelector('[data-act=clear]').click()")
    pen = Pen(hand)
    pen.take(PAPER, 20, "fill")
    pen.stroke((10, 10))
    pen.take(SKIN, 60)
    ring = [turn * 2 * math.pi / 10 for turn in range(11)]
    pen.stroke(*((256 + 110 * math.cos(t), 256 + 135 * math.sin(t)) for t in ring))
    pen.take(SKIN, 60, "fill")
    pen.stroke((256, 256))
    bare = pen.share()
    pen.take(SKIN, 16)
    pen.stamp("eye")
    pen.stroke((205, 225))
    pen.stroke((307, 225))
    pen.stamp("")
    pen.take(BROWN, 14)
    pen.stroke((256, 240), (250, 285), (266, 290))
    pen.take(RED, 16)
    pen.stroke((205, 330), (230, 348), (256, 354), (282, 348), (307, 330))
    seeing = pen.share()
    pen.take(SKIN, 60)
    pen.stroke((190, 225), (220, 225))
    pen.stroke((295, 225), (320, 225))
    return bare, seeing, pen.share()
