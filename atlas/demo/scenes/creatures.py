"""Living things: faces, dogs, cats, birds, fish, butterflies, ladybirds, flowers, trees, mushrooms.

Each is drawn in the square [-1, 1] x [-1, 1] about the origin, upright.
"""

from __future__ import annotations

import math

from atlas.demo.canvas import Canvas, mix
from atlas.demo.scenes import parts


def face(c: Canvas) -> None:
    """A human face: hair, brows, eyes, nose and mouth."""
    dice = c.dice
    skin = c.colour(0.45, 0.9)
    shade, hair = mix(skin, (30, 10, 20), 0.35), c.colour(0.1, 0.75)
    width = dice.between(0.58, 0.7)
    surface = c.texture(skin, 0.3, "light")
    mop = c.texture(hair, 0.35, "fur")
    with c.part("face"):
        with c.part("hair"):
            long = dice.between(0.0, 0.75)
            c.ellipse(0, -0.2, width * 1.22, 0.78, mop)
            if long > 0.3:
                c.slab(-width * 1.2, -0.3, width * 1.2, long, 0.2, mop)
        c.rectangle(-0.22, 0.5, 0.22, 0.98, surface)
        for side in (-1, 1):
            with c.part("ear"):
                c.ellipse(side * width, 0.05, 0.12, 0.17, surface)
        c.ellipse(0, 0.06, width, 0.82, surface)
        with c.part("hair"):
            height = dice.between(-0.52, -0.36)
            fringe = [(-width, height + 0.25), (-width * 0.9, -0.72), (0, -0.95),
                      (width * 0.9, -0.72), (width, height + 0.25), (0.2, height)]  # fmt: skip
            c.polygon(fringe, mop)
        for side in (-1, 1):
            x = side * width * 0.42
            parts.eye(c, x, -0.1, 0.16, dice.between(0.55, 0.8))
            c.curve(x, -0.18, 0.2, 0.13, 205, 335, 0.055, hair)
        with c.part("nose"):
            c.line([(0.0, -0.05), (0.09, 0.26), (-0.07, 0.27)], 0.05, shade)
        with c.part("mouth"):
            lips, smile = c.colour(0.3, 0.6), dice.between(0.05, 0.2)
            c.polygon([(-0.28, 0.45), (0, 0.47), (0.28, 0.45), (0, 0.5 + smile)], lips)
            c.line([(-0.3, 0.45), (0, 0.48), (0.3, 0.45)], 0.035, shade)


def _muzzle(c: Canvas, y: float, size: float, fur: tuple[int, int, int]) -> None:
    with c.part("nose"):
        dark = c.colour(0.08, 0.35)
        c.ellipse(0, y, size, size * 0.72, dark)
        c.ellipse(-size * 0.3, y - size * 0.25, size * 0.22, size * 0.12, mix(dark, fur, 0.7))
    with c.part("mouth"):
        line = mix(fur, (20, 8, 10), 0.75)
        c.line([(0, y + size * 0.5), (0, y + size * 1.5)], size * 0.22, line)
        for side in (-1, 1):
            c.curve(side * size, y + size * 1.3, size, size * 0.6, 20, 160, size * 0.22, line)


def dog(c: Canvas) -> None:
    """A dog's head with hanging ears, long muzzle and big nose."""
    dice = c.dice
    fur = c.colour(0.3, 0.9)
    coat, patch = c.texture(fur, 0.4, "fur"), c.texture(c.colour(0.2, 0.9), 0.4, "fur")
    ear = c.texture(mix(fur, (30, 15, 10), 0.45), 0.4, "fur")
    drop = dice.between(0.45, 0.8)
    with c.part("dog"):
        c.ellipse(0, -0.15, 0.62, 0.68, coat)
        if dice.chance(0.6):
            c.ellipse(dice.pick((-1, 1)) * 0.3, -0.3, 0.28, 0.34, patch)
        for side in (-1, 1):
            with c.part("ear"):
                flap = [(0.38, -0.78), (0.72, -0.72), (0.95, -0.1), (0.88, drop), (0.66, drop),
                        (0.56, 0.0)]  # fmt: skip
                c.polygon([(side * x, y) for x, y in flap], ear)
        c.ellipse(0, 0.42, 0.42, 0.5, c.texture(mix(fur, (255, 250, 240), 0.45), 0.35, "fur"))
        for side in (-1, 1):
            parts.bead_eye(c, side * 0.27, -0.18, 0.1)
        _muzzle(c, 0.22, dice.between(0.17, 0.22), fur)
        if dice.chance(0.5):
            with c.part("tongue"):
                c.slab(-0.11, 0.6, 0.11, 0.95, 0.1, c.colour(0.5, 0.75))


def cat(c: Canvas) -> None:
    """A cat's head with pointed ears, slit eyes, stripes and whiskers."""
    dice = c.dice
    fur = c.colour(0.35, 0.9)
    dark = mix(fur, (15, 10, 10), 0.6)
    coat = c.texture(fur, 0.4, "fur")
    with c.part("cat"):
        tip = dice.between(0.62, 0.8)
        parts.ears(c, [(0.12, -0.55), (tip, -1.0), (0.74, -0.15)], coat, c.colour(0.5, 0.8))
        c.ellipse(0, 0.08, 0.82, 0.7, coat)
        with c.part("stripe"):
            for k in (-1, 0, 1):
                c.line([(k * 0.16, -0.56), (k * 0.11, -0.3)], 0.07, dark)
                for side in (-1, 1):
                    c.line(
                        [(side * 0.8, 0.1 + 0.17 * k), (side * 0.55, 0.12 + 0.1 * k)], 0.06, dark
                    )
        c.ellipse(0, 0.4, 0.36, 0.28, c.texture(mix(fur, (255, 252, 245), 0.6), 0.3, "fur"))
        iris = c.colour(0.55, 0.9)
        for side in (-1, 1):
            with c.part("eye"):
                c.ellipse(side * 0.36, -0.06, 0.2, 0.15, mix(iris, (10, 10, 10), 0.75))
                c.ellipse(side * 0.36, -0.06, 0.17, 0.125, iris)
                c.ellipse(side * 0.36, -0.06, dice.between(0.035, 0.06), 0.12, (18, 14, 22))
                c.circle(side * 0.36 - 0.06, -0.1, 0.03, (250, 250, 250))
        _muzzle(c, 0.26, 0.09, fur)
        with c.part("whisker"):
            pale = c.colour(0.8, 0.97)
            for side in (-1, 1):
                for k in (-1, 0, 1):
                    c.line(
                        [(side * 0.25, 0.4 + 0.05 * k), (side * 0.98, 0.36 + 0.16 * k)], 0.025, pale
                    )


def bird(c: Canvas) -> None:
    """A bird in profile: round body, head, beak, wing with feathers, tail, legs."""
    dice = c.dice
    plumage = c.colour(0.3, 0.85)
    body, wing = c.texture(plumage, 0.4), c.texture(c.colour(0.2, 0.85), 0.4, "fur")
    line = mix(plumage, (15, 10, 10), 0.6)
    with c.part("bird"):
        with c.part("tail"):
            lift = dice.between(-0.15, 0.3)
            c.polygon([(-0.4, 0.0), (-1.0, 0.05 - lift), (-0.95, 0.3 - lift), (-0.35, 0.3)], wing)
        with c.part("leg"):
            shin = c.colour(0.3, 0.7)
            for x in (-0.05, 0.17):
                c.line([(x, 0.5), (x - 0.04, 0.82)], 0.05, shin)
                c.line([(x - 0.18, 0.88), (x - 0.04, 0.8), (x + 0.16, 0.88)], 0.05, shin)
        with c.part("beak"):
            open_ = dice.between(0.0, 0.1)
            beak = c.colour(0.5, 0.85)
            c.polygon([(0.72, -0.55), (1.05, -0.42 - open_), (0.7, -0.42)], beak)
            c.polygon([(0.7, -0.42), (1.02, -0.38 + open_), (0.68, -0.32)], mix(beak, line, 0.35))
        c.ellipse(0.02, 0.16, 0.62, 0.44, body)
        c.polygon([(0.1, -0.2), (0.35, -0.6), (0.74, -0.4), (0.55, 0.2)], body)
        c.circle(0.5, -0.46, 0.28, body)
        c.ellipse(0.22, 0.3, 0.34, 0.26, c.texture(mix(plumage, (255, 250, 240), 0.55), 0.3))
        with c.part("wing"):
            c.polygon([(0.28, 0.0), (0.05, -0.14), (-0.3, -0.02), (-0.72, 0.28), (-0.2, 0.36),
                       (0.2, 0.24)], wing)  # fmt: skip
            for k in range(4):
                c.line([(0.12 - 0.12 * k, 0.02 + 0.01 * k), (-0.08 - 0.15 * k, 0.3)], 0.035, line)
        parts.bead_eye(c, 0.56, -0.5, 0.07)


def fish(c: Canvas) -> None:
    """A fish in profile with scales, fins and tail."""
    dice = c.dice
    colour = c.colour(0.35, 0.85)
    skin, fin = c.texture(colour, 0.4), c.texture(c.colour(0.3, 0.85), 0.45, "fur")
    line = mix(colour, (10, 10, 20), 0.55)
    deep = dice.between(0.4, 0.56)
    with c.part("fish"):
        with c.part("tail"):
            c.polygon([(-0.5, 0), (-1.0, -0.48), (-0.86, 0), (-1.0, 0.48)], fin)
        with c.part("fin"):
            c.polygon([(-0.3, -deep * 0.7), (0.0, -deep - 0.3), (0.35, -deep * 0.8)], fin)
            c.polygon([(-0.2, deep * 0.7), (-0.05, deep + 0.24), (0.2, deep * 0.8)], fin)
        outline = []
        for k in range(33):
            t = math.tau * k / 32
            x = 0.14 + 0.82 * math.cos(t)
            outline.append((x, deep * math.sin(t) * (0.62 + 0.38 * min(1.0, (x + 0.7) / 0.9))))
        c.polygon(outline, skin)
        with c.part("scale"):
            size = dice.between(0.13, 0.18)
            for i in range(5):
                for j in range(-2, 3):
                    x, y = -0.42 + 0.19 * i, 0.19 * j + (0.09 if i % 2 else 0.0)
                    if (x / 0.7) ** 2 + (y / (deep * 0.82)) ** 2 < 0.9:
                        c.curve(x, y, size * 0.7, size * 0.7, -80, 80, 0.035, line)
        with c.part("gill"):
            c.curve(0.4, 0, 0.16, deep * 0.75, -70, 70, 0.045, line)
        with c.part("fin"):
            c.polygon([(0.24, 0.08), (-0.12, 0.3), (0.16, 0.26)], fin)
        parts.eye(c, 0.68, -0.12, 0.13)
        c.line([(0.93, 0.12), (0.8, 0.16)], 0.05, line)


def butterfly(c: Canvas) -> None:
    """A butterfly from above: four spotted wings, body, antennae."""
    dice = c.dice
    edge, field = c.pair(0.3)
    rim, wing = c.texture(edge, 0.3), c.texture(field, 0.4)
    spots = [c.colour(0.3, 0.95) for _ in range(3)]
    upper, lower = dice.between(-0.35, -0.15), dice.between(0.35, 0.5)
    with c.part("butterfly"):
        for side in (-1, 1):
            for turn, size, y in ((upper, 0.72, -0.1), (lower, 0.56, 0.15)):
                angle = math.degrees(turn) * 1.6
                with c.place(0, y, size, angle if side > 0 else 180 - angle), c.part("wing"):
                    c.ellipse(0.68, 0, 0.66, 0.5, rim)
                    c.ellipse(0.62, 0, 0.5, 0.37, wing)
                    with c.part("spot"):
                        c.circle(0.84, 0.0, 0.2, spots[0])
                        c.circle(0.84, 0.0, 0.1, spots[1])
                        c.circle(0.45, 0.14, 0.09, spots[2])
        dark = c.colour(0.08, 0.35)
        with c.part("antenna"):
            for side in (-1, 1):
                start, end = (180, 260) if side > 0 else (0, -80)
                c.curve(side * 0.3, -0.5, 0.28, 0.42, start, end, 0.045, dark)
        with c.part("body"):
            c.ellipse(0, 0.05, 0.1, 0.55, dark)
            c.circle(0, -0.5, 0.12, dark)


def ladybird(c: Canvas) -> None:
    """A beetle from above: two wing cases with spots, head, six legs."""
    dice = c.dice
    shell, dark = c.colour(0.45, 0.8), c.colour(0.06, 0.26)
    with c.part("ladybird"):
        with c.part("leg"):
            for side in (-1, 1):
                for y in (-0.35, 0.1, 0.5):
                    c.line([(0, y), (side * 0.75, y - 0.12), (side * 0.98, y + 0.14)], 0.07, dark)
        with c.part("head"):
            c.ellipse(0, -0.66, 0.36, 0.28, dark)
            for side in (-1, 1):
                c.circle(side * 0.2, -0.74, 0.09, c.colour(0.8, 0.97))
                c.line([(side * 0.12, -0.88), (side * 0.3, -1.04)], 0.05, dark)
        with c.part("shell"):
            c.ellipse(0, 0.1, 0.76, 0.78, c.texture(shell, 0.4, "light"))
            c.line([(0, -0.66), (0, 0.88)], 0.05, dark)
        with c.part("spot"):
            size = dice.between(0.11, 0.17)
            for x, y in ((0.3, -0.3), (0.48, 0.12), (0.26, 0.5)):
                for side in (-1, 1):
                    c.circle(side * x, y + dice.between(-0.04, 0.04), size, dark)


def flower(c: Canvas) -> None:
    """A flower from above with one or two rings of petals about a dotted heart."""
    dice = c.dice
    count = dice.whole(6, 11)
    with c.part("flower"):
        if dice.chance(0.6):
            green = c.texture(c.colour(0.35, 0.65), 0.4)
            for turn in (dice.between(0, 180), dice.between(180, 360)):
                parts.leaf(c, 0, 0, 1.15, turn, green)
        turn = dice.between(0, 60)
        slim = dice.between(1.3, 2.0) / count
        parts.petals(c, 1.0, count, c.texture(c.colour(0.4, 0.95), 0.4), slim, turn)
        if dice.chance(0.5):
            inner = c.texture(c.colour(0.4, 0.95), 0.35)
            parts.petals(c, 0.68, count, inner, slim, turn + 180 / count)
        with c.part("heart"):
            heart, dots = c.pair(0.25)
            radius = dice.between(0.24, 0.34)
            c.circle(0, 0, radius, c.texture(heart, 0.35))
            for k in range(14):
                t, r = 2.4 * k, radius * 0.85 * math.sqrt(k / 14)
                c.circle(r * math.cos(t), r * math.sin(t), radius * 0.11, dots)


def tree(c: Canvas) -> None:
    """A tree: trunk, branches and a crown of many leaf clumps."""
    dice = c.dice
    with c.part("tree"):
        bark = c.colour(0.2, 0.55)
        with c.part("trunk"):
            c.polygon(
                [(-0.2, 1.0), (-0.1, 0.0), (0.1, 0.0), (0.2, 1.0)], c.texture(bark, 0.4, "wood")
            )
            c.line([(0, 0.35), (-0.42, -0.15)], 0.1, bark)
            c.line([(0, 0.3), (0.42, -0.12)], 0.09, bark)
        with c.part("crown"):
            base = c.colour(0.3, 0.75)
            clumps = [c.texture(mix(base, c.colour(0.3, 0.9), 0.3), 0.5, "grain") for _ in range(3)]
            spots = [(0.0, -0.35)]
            for k in range(8):
                t = math.tau * k / 8 + dice.between(-0.3, 0.3)
                spots.append((0.5 * math.cos(t), -0.4 + 0.38 * math.sin(t)))
            for at in spots:
                c.circle(*at, dice.between(0.24, 0.36), dice.pick(clumps))
            light, dark = mix(base, (255, 255, 220), 0.45), mix(base, (10, 20, 10), 0.5)
            for _ in range(26):
                t, r = dice.between(0, math.tau), 0.68 * math.sqrt(dice.random())
                x, y = r * math.cos(t) * 1.1, -0.4 + r * math.sin(t) * 0.85
                parts_colour = light if dice.chance(0.5) else dark
                c.curve(x, y, 0.08, 0.07, 180, 360, 0.04, parts_colour)


def mushroom(c: Canvas) -> None:
    """A mushroom: domed cap with spots, gills, stem with a ring."""
    dice = c.dice
    cap, pale = c.colour(0.35, 0.75), c.colour(0.75, 0.97)
    with c.part("mushroom"):
        with c.part("stem"):
            width = dice.between(0.2, 0.3)
            stem = [(-width, 0.0), (-width * 1.3, 0.95), (width * 1.3, 0.95), (width, 0.0)]
            c.polygon(stem, c.texture(pale, 0.35, "fur"))
            c.polygon([(-width * 1.3, 0.25), (width * 1.3, 0.25), (width * 1.6, 0.42),
                       (-width * 1.6, 0.42)], mix(pale, cap, 0.25))  # fmt: skip
        with c.part("gill"):
            c.ellipse(0, 0.02, 0.88, 0.2, mix(pale, (60, 30, 20), 0.4))
            for k in range(-6, 7):
                c.line([(k * 0.05, 0.1), (k * 0.13, -0.02)], 0.03, mix(pale, (30, 15, 10), 0.65))
        with c.part("cap"):
            high = dice.between(0.75, 0.98)
            dome = [(-0.95, 0.02)]
            dome += [(-0.95 * math.cos(math.pi * k / 16), -high * math.sin(math.pi * k / 16) ** 0.8)
                     for k in range(1, 16)]  # fmt: skip
            dome += [(0.95, 0.02), (0, -0.1)]
            c.polygon(dome, c.texture(cap, 0.4, "light"))
        with c.part("spot"):
            for x, y, size in ((-0.5, -0.3, 0.12), (0.05, -0.5, 0.15), (0.5, -0.28, 0.11),
                               (-0.18, -0.2, 0.08), (0.28, -0.14, 0.07)):  # fmt: skip
                c.ellipse(x, y, size * 1.15, size * dice.between(0.8, 1.0), pale)
