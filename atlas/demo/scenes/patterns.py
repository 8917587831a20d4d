"""Surfaces: stripes, circles, grids, honeycombs, text, keyboards."""

from __future__ import annotations

import math

from atlas.demo.canvas import Canvas
from atlas.demo.scenes import parts


def stripes(c: Canvas) -> None:
    """A striped cloth at any angle."""
    one, other = c.pair(0.25)
    with c.place(0, 0, 0.95, c.dice.between(0, 180)):
        parts.stripes(
            c, c.dice.between(0.16, 0.42), c.texture(one, 0.3), c.texture(other, 0.3),
            c.dice.between(0, 0.12),
        )  # fmt: skip


def circles(c: Canvas) -> None:
    """Rings and discs scattered over a surface."""
    dice = c.dice
    for _ in range(dice.whole(7, 12)):
        radius = dice.between(0.14, 0.42)
        x, y = dice.between(-0.85, 0.85), dice.between(-0.85, 0.85)
        with c.part("circle"):
            if dice.chance(0.35):
                c.circle(x, y, radius, c.texture(c.colour(), 0.35))
            for step in range(dice.whole(1, 3)):
                size = radius * (1 - 0.3 * step)
                c.ring(x, y, size, radius * dice.between(0.08, 0.2), c.colour(0.1, 0.95))


def grid(c: Canvas) -> None:
    """A trellis or tiled wall."""
    dice = c.dice
    with c.place(0, 0, 1.0, dice.pick((0, 0, 45)) + dice.between(-14, 14)):
        step = dice.between(0.24, 0.46)
        parts.grid(c, step, step * dice.between(0.1, 0.26), c.texture(c.colour(), 0.4))
        if dice.chance(0.4):
            for _ in range(dice.whole(2, 7)):
                x = step * (dice.whole(-3, 2) + 0.5)
                y = step * (dice.whole(-3, 2) + 0.5)
                size = step * 0.36
                c.rectangle(x - size, y - size, x + size, y + size, c.colour())


def honeycomb(c: Canvas) -> None:
    """A comb of hexagonal cells, some filled."""
    dice = c.dice
    wax, cell = c.pair(0.25)
    size = dice.between(0.19, 0.32)
    inner = size * dice.between(0.72, 0.9)
    corners = [(math.cos(math.tau * k / 6), math.sin(math.tau * k / 6)) for k in range(6)]
    full, hollow = c.texture(c.colour(0.4, 0.9), 0.3, "light"), c.texture(cell, 0.45, "light")
    with c.place(0, 0, 1.0, dice.between(0, 60)), c.part("honeycomb"):
        c.rectangle(-1.5, -1.5, 1.5, 1.5, c.texture(wax, 0.3))
        for i in range(-6, 7):
            for j in range(-5, 6):
                x = 1.5 * size * i
                y = math.sqrt(3) * size * (j + (i % 2) / 2)
                if max(abs(x), abs(y)) > 1.5:
                    continue
                with c.part("cell"):
                    paint = full if dice.chance(0.2) else hollow
                    c.polygon([(x + inner * u, y + inner * v) for u, v in corners], paint)


def text(c: Canvas) -> None:
    """A page or sign with lines of letters."""
    dice = c.dice
    ink, paper = c.pair(0.5)
    with c.place(dice.between(-0.1, 0.1), dice.between(-0.1, 0.1), dice.between(0.8, 1.0)):
        tilt = dice.between(-0.07, 0.07)
        with c.part("page"):
            page = [(-0.92, -0.95 + tilt), (0.92, -0.95 - tilt), (0.92 - tilt, 0.95), (-0.92, 0.95)]
            c.polygon(page, c.texture(paper, 0.15))
        height = dice.between(0.2, 0.4)
        y = -0.85 + height / 2
        while y < 0.9:
            end = 0.9 if dice.chance(0.7) else dice.between(0.1, 0.8)
            parts.words(c, -0.88, end, y, height, ink)
            y += height * dice.between(1.02, 1.15)


def keyboard(c: Canvas) -> None:
    """Rows of keys on a board, seen at a slant."""
    dice = c.dice
    ink, cap = c.pair(0.4)
    with c.place(0, 0, dice.between(0.85, 1.0), dice.between(-16, 16)), c.part("keyboard"):
        c.slab(-1.0, -0.72, 1.0, 0.72, 0.08, c.texture(c.colour(0.15, 0.8), 0.3))
        rows, columns = dice.pick(((4, 6), (4, 7), (5, 8)))
        pitch, fall = 1.9 / columns, 1.34 / rows
        top = c.texture(cap, 0.25, "light")
        shadow = c.colour(0.05, 0.25)
        for row in range(rows):
            shift = (row % 3) * 0.2 * pitch
            for column in range(columns):
                x = -0.95 + pitch * (column + 0.5) + shift * 0.5
                y = -0.67 + fall * (row + 0.5)
                w, h = pitch * 0.42, fall * 0.4
                if row == rows - 1 and 1 < column < columns - 2:
                    if column != 2:
                        continue
                    w, x = pitch * (columns - 4.2) / 2, 0.0
                with c.part("key"):
                    c.slab(x - w, y - h + 0.03, x + w, y + h + 0.03, h * 0.25, shadow)
                    c.slab(x - w, y - h, x + w, y + h - 0.01, h * 0.25, top)
                    if w < pitch * 0.5:
                        with c.part("letter"):
                            c.glyph(x, y - 0.01, dice.pick(parts.LETTERS), h * 1.05, ink)
