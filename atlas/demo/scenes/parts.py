"""Parts that several kinds of things share: wheels, eyes, leaves, windows, letters, stripes."""

from __future__ import annotations

import math
from collections.abc import Callable

from atlas.demo.canvas import Canvas, Paint, mix
from atlas.demo.visible import Point

LETTERS = "ABCDEFGHKLMNPRSTUVXZ2345679"


def wheel(c: Canvas, x: float, y: float, radius: float, spokes: int, tyre: float = 0.2) -> None:
    """A spoked wheel: tyre, rim, spokes and hub."""
    dice = c.dice
    dark, light = c.colour(0.1, 0.35), c.colour(0.55, 0.92)
    turn = dice.between(0, 360)
    with c.part("wheel"):
        with c.part("spoke"):
            for k in range(spokes):
                t = math.radians(turn + 360 * k / spokes)
                reach = radius * 0.95
                tip = (x + reach * math.cos(t), y + reach * math.sin(t))
                c.line([(x, y), tip], radius * 0.07, light)
        with c.part("tyre"):
            c.ring(x, y, radius * (1 - tyre / 2), radius * tyre, dark)
        c.ring(x, y, radius * (1 - tyre), radius * 0.08, mix(light, dark, 0.4))
        with c.part("hub"):
            c.circle(x, y, radius * dice.between(0.12, 0.2), dark)
            c.circle(x, y, radius * 0.07, light)


def disc_wheel(c: Canvas, x: float, y: float, radius: float) -> None:
    """A car's wheel: thick tyre, bright hub cap with bolts."""
    with c.part("wheel"):
        with c.part("tyre"):
            c.circle(x, y, radius, c.colour(0.08, 0.28))
        light = c.colour(0.6, 0.92)
        with c.part("hub"):
            c.circle(x, y, radius * 0.58, c.texture(light, 0.3, "light"))
            dark = mix(light, (20, 20, 30), 0.6)
            for k in range(5):
                t = math.tau * k / 5
                c.circle(
                    x + radius * 0.36 * math.cos(t), y + radius * 0.36 * math.sin(t),
                    radius * 0.09, dark,
                )  # fmt: skip
            c.circle(x, y, radius * 0.12, dark)


def eye(c: Canvas, x: float, y: float, radius: float, squash: float = 1.0) -> None:
    """An eye: white, iris, pupil and glint, every colour and proportion drawn anew."""
    dice = c.dice
    with c.part("eye"):
        c.ellipse(x, y, radius, radius * squash, c.colour(0.75, 0.97))
        look = dice.between(-0.2, 0.2) * radius
        iris = radius * dice.between(0.5, 0.75) * min(1.0, squash + 0.15)
        c.circle(x + look, y, iris, c.colour(0.3, 0.6))
        c.circle(x + look, y, iris * dice.between(0.4, 0.65), c.colour(0.05, 0.25))
        c.circle(x + look - iris * 0.3, y - iris * 0.35, iris * 0.22, c.colour(0.85, 0.98))


def bead_eye(c: Canvas, x: float, y: float, radius: float) -> None:
    """A small animal's eye: a dark bead with a glint and a pale rim."""
    with c.part("eye"):
        c.circle(x, y, radius * 1.35, c.colour(0.6, 0.95))
        c.circle(x, y, radius, c.colour(0.05, 0.28))
        c.circle(x - radius * 0.3, y - radius * 0.35, radius * 0.3, (250, 248, 240))


def leaf(c: Canvas, x: float, y: float, length: float, turn: float, paint: Paint) -> None:
    """A pointed leaf whose base is at (x, y), with its midrib."""
    with c.place(x, y, length, turn), c.part("leaf"):
        c.polygon(_blade(0.3), paint)
        c.line([(0.05, 0), (0.9, 0)], 0.05, c.colour(0.2, 0.85))


def petals(c: Canvas, radius: float, count: int, paint: Paint, slim: float, turn: float) -> None:
    """A ring of petals about the origin."""
    for k in range(count):
        with c.place(0, 0, radius, turn + 360 * k / count), c.part("petal"):
            c.ellipse(0.6, 0, 0.42, slim, paint)
            c.line([(0.25, 0), (0.8, 0)], 0.03, c.colour(0.25, 0.9))


def _blade(width: float) -> list[Point]:
    steps = [k / 8 for k in range(9)]
    upper = [(t, -width * math.sin(math.pi * t**0.8)) for t in steps]
    return upper + [(t, -y) for t, y in reversed(upper)]


def window(c: Canvas, x: float, y: float, w: float, h: float) -> None:
    """A window with frame and glazing bars, centred on (x, y)."""
    frame, glass = c.pair(0.3)
    with c.part("window"):
        c.rectangle(x - w, y - h, x + w, y + h, frame)
        pane = c.texture(glass, 0.35, "light")
        c.rectangle(x - w * 0.82, y - h * 0.82, x + w * 0.82, y + h * 0.82, pane)
        c.line([(x, y - h), (x, y + h)], w * 0.16, frame)
        c.line([(x - w, y), (x + w, y)], w * 0.16, frame)


def stripes(c: Canvas, period: float, one: Paint, other: Paint, wave: float = 0.0) -> None:
    """Parallel stripes across [-1.6, 1.6], every second one of ``other``."""
    c.rectangle(-1.6, -1.6, 1.6, 1.6, one)
    phase = c.dice.between(0, period)
    count = int(3.2 / period) + 2
    steps = [-1.6 + 3.2 * k / 12 for k in range(13)]
    with c.part("stripe"):
        for k in range(count):
            y = -1.6 - phase + k * period
            upper = [(x, y + wave * math.sin(3 * x)) for x in steps]
            lower = [(x, v + period * 0.5) for x, v in reversed(upper)]
            c.polygon(upper + lower, other)


def grid(c: Canvas, step: float, width: float, ground: Paint, cells: int = 16) -> None:
    """A square grid of lines over a ground, across [-1.6, 1.6]."""
    c.rectangle(-1.6, -1.6, 1.6, 1.6, ground)
    bars = c.colour(0.1, 0.95)
    half = min(cells * step / 2, 1.6)
    count = int(2 * half / step)
    with c.part("grid"):
        for k in range(count + 1):
            at = -half + k * step
            c.line([(at, -half), (at, half)], width, bars)
            c.line([(-half, at), (half, at)], width, bars)


def words(c: Canvas, x0: float, x1: float, y: float, height: float, ink: Paint) -> None:
    """One line of letters from x0 to x1."""
    assert not isinstance(ink, tuple) or len(ink) == 3
    colour = ink if isinstance(ink, tuple) else c.colour(0.1, 0.3)
    x = x0 + height * 0.4
    while x < x1 - height * 0.3:
        if not c.dice.chance(0.16):
            with c.part("letter"):
                c.glyph(x, y, c.dice.pick(LETTERS), height, colour)
        x += height * 0.82


def ears(c: Canvas, points: list[Point], paint: Paint, inner: Paint) -> None:
    """A pair of ears, mirrored, each with a smaller inner ear."""
    for side in (-1, 1):
        with c.part("ear"):
            c.polygon([(side * x, y) for x, y in points], paint)
            cx = sum(x for x, _ in points) / len(points)
            cy = sum(y for _, y in points) / len(points)
            c.polygon(
                [(side * (cx + (x - cx) * 0.55), cy + (y - cy) * 0.55) for x, y in points], inner
            )


Scene = Callable[[Canvas], None]
