"""The demo world: pictures drawn by the program, with the truth about every part in them.

``draw(seed, index)`` is a pure function: the same two numbers give the same picture, class and
masks everywhere (for one version of Pillow). Classes come round in turn, so any run of
``len(CLASSES)`` indices holds each once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from atlas.demo.canvas import Canvas, Dice
from atlas.demo.scenes import CLASSES, SCENES, SURFACES, TURNING, parts

SIDE = 128  # pixels

ATLAS_SEED = 7  # the pictures an atlas of the demo shows; training and testing use others
TRAINING_SEED = 1
TEST_SEED = 2


@dataclass(frozen=True)
class Drawing:
    """One picture: ``[128, 128, 3]`` uint8 pixels, its class, and a mask for each visible part.

    Masks are ``[128, 128]`` bool in the picture's frame, and absent unless asked for.
    """

    pixels: np.ndarray
    label: int
    masks: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The class's name."""
        return CLASSES[self.label]


def draw(seed: int, index: int, *, masks: bool = False) -> Drawing:
    """Draw picture ``index`` of the world ``seed``; its class is ``index % len(CLASSES)``."""
    canvas = _painted(seed, index, masks=masks)
    return Drawing(canvas.picture(), index % len(CLASSES), canvas.masks())


def masks(seed: int, index: int) -> dict[str, np.ndarray]:
    """The same picture's masks alone, which take less time."""
    return _painted(seed, index, masks=True, pictured=False).masks()


def _painted(seed: int, index: int, *, masks: bool, pictured: bool = True) -> Canvas:
    dice = Dice(f"cnn-atlas {seed} {index}")
    canvas = Canvas(SIDE, dice, masks=masks, pictured=pictured)
    _background(canvas)
    _subject(canvas, CLASSES[index % len(CLASSES)])
    for _ in range(dice.pick((0, 0, 1, 1, 2))):
        _intruder(canvas)
    return canvas


class World:
    """Pictures ``first`` to ``first + count - 1`` of a seed, as an indexable of PIL images."""

    def __init__(self, count: int, seed: int = ATLAS_SEED, first: int = 0) -> None:
        self.count, self.seed, self.first = count, seed, first

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Image.Image:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return Image.fromarray(draw(self.seed, self.first + index).pixels)

    def label(self, index: int) -> str:
        """The class of picture ``index``."""
        return CLASSES[(self.first + index) % len(CLASSES)]


def _subject(c: Canvas, name: str) -> None:
    dice = c.dice
    if name in SURFACES:
        with c.place(dice.between(-0.15, 0.15), dice.between(-0.15, 0.15), dice.between(0.85, 1.1)):
            SCENES[name](c)
        return
    turn = dice.between(0, 360) if name in TURNING else dice.between(-13, 13)
    scale = dice.between(0.56, 0.86)
    # Leave a margin: what touches the frame teaches units about padding, not about things.
    room = max(0.0, 0.94 - scale)
    x, y = dice.between(-room, room), dice.between(-room, room)
    with c.place(x, y, scale, turn, flip=dice.chance(0.5)):
        SCENES[name](c)


def _background(c: Canvas) -> None:
    dice = c.dice
    c.fill(c.texture(c.colour(0.2, 0.92), dice.between(0.2, 0.5)))
    if dice.chance(0.35):
        with c.place(0, dice.between(0.1, 0.8), 1.0, dice.between(-12, 12)):
            c.rectangle(-1.6, 0, 1.6, 2.2, c.texture(c.colour(0.2, 0.9), 0.4))
    for _ in range(dice.whole(2, 6)):
        _clutter(c)


def _clutter(c: Canvas) -> None:
    """Something small that belongs to no class in particular, or to many."""
    dice = c.dice
    x, y, size = dice.between(-1, 1), dice.between(-1, 1), dice.between(0.12, 0.34)
    paint = c.texture(c.colour(), 0.35) if dice.chance(0.5) else c.colour(0.1, 0.97)
    with c.place(x, y, size, dice.between(0, 360)):
        kind = dice.whole(0, 9)
        if kind == 0:
            with c.part("line"):
                for _ in range(dice.whole(1, 4)):
                    at = dice.between(-1, 1)
                    c.line([(-2.5, at), (2.5, at)], dice.between(0.06, 0.4), c.colour(0.1, 0.95))
        elif kind == 1:
            with c.part("blob"):
                wobble = dice.between(0, math.tau)
                shape = [
                    (r * math.cos(t), r * math.sin(t))
                    for t in (math.tau * k / 20 for k in range(20))
                    for r in (1 + 0.25 * math.sin(3 * t + wobble),)
                ]
                c.polygon(shape, paint)
        elif kind == 2:
            with c.part("circle"):
                c.ring(0, 0, 0.9, dice.between(0.12, 0.4), c.colour(0.1, 0.95))
        elif kind == 3:
            with c.part("rectangle"):
                c.rectangle(-1, -dice.between(0.4, 1.0), 1, dice.between(0.4, 1.0), paint)
        elif kind == 4:
            with c.part("corner"):
                c.line(
                    [(-1, 0.8), (0, -0.8), (1, 0.8)], dice.between(0.1, 0.4), c.colour(0.1, 0.95)
                )
        elif kind == 5:
            for k in range(dice.whole(2, 4)):
                with c.part("stripe"):
                    c.rectangle(-1, -0.9 + 0.5 * k, 1, -0.65 + 0.5 * k, paint)
        elif kind == 6:
            for k in range(dice.whole(2, 6)):
                with c.part("circle"):
                    c.circle(dice.between(-1, 1), dice.between(-1, 1), 0.22, c.colour(0.1, 0.97))
        elif kind == 7:
            with c.part("letter"):
                c.glyph(0, 0, dice.pick(parts.LETTERS), 1.2, c.colour(0.1, 0.95))
        elif kind == 8:
            parts.leaf(c, -0.6, 0, 1.6, 0, paint)
        else:
            with c.part("curve"):
                c.curve(0, 0, 1, 0.8, 0, dice.between(90, 250), dice.between(0.08, 0.3),
                        c.colour(0.1, 0.95))  # fmt: skip


def _intruder(c: Canvas) -> None:
    """Something in front of the subject near its edge: partial occlusion."""
    dice = c.dice
    angle = dice.between(0, math.tau)
    x, y = 0.85 * math.cos(angle), 0.85 * math.sin(angle)
    size = dice.between(0.14, 0.26)
    with c.place(x, y, size, dice.between(0, 360)):
        if dice.chance(0.4):
            with c.part("rectangle"):
                c.rectangle(-0.5, -2.2, 0.5, 2.2, c.texture(c.colour(), 0.4))
        elif dice.chance(0.5):
            parts.leaf(c, -1.2, 0, 2.2, 0, c.texture(c.colour(), 0.4))
        else:
            with c.part("blob"):
                c.circle(0, 0, 1.0, c.texture(c.colour(), 0.45))
