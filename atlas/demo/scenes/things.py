"""Made things: wheels, bicycles, cars, clocks, houses, umbrellas, boats, cups.

Each is drawn in the square [-1, 1] x [-1, 1] about the origin, upright.
"""

from __future__ import annotations

import math

from atlas.demo.canvas import Canvas, mix
from atlas.demo.scenes import parts


def wheel(c: Canvas) -> None:
    """A cart wheel."""
    parts.wheel(c, 0, 0, 0.95, c.dice.whole(6, 14), c.dice.between(0.12, 0.26))


def bicycle(c: Canvas) -> None:
    """A bicycle in profile."""
    dice = c.dice
    frame, dark = c.colour(0.3, 0.85), c.colour(0.08, 0.3)
    radius, tyre = dice.between(0.4, 0.47), dice.between(0.12, 0.2)
    spokes = dice.whole(7, 12)
    rear, front, crank = (-0.54, 0.38), (0.54, 0.38), (-0.08, 0.4)
    seat, head = (-0.24, -0.26), (0.36, -0.3)
    with c.part("bicycle"):
        parts.wheel(c, *rear, radius, spokes, tyre)
        parts.wheel(c, *front, radius, spokes, tyre)
        with c.part("frame"):
            for route in ([rear, seat, crank, rear], [crank, head, seat], [head, front]):
                c.line(route, 0.08, frame)
            c.line([seat, (-0.3, -0.46)], 0.06, dark)
            c.line([head, (0.32, -0.56)], 0.06, dark)
        with c.part("handlebar"):
            c.curve(0.42, -0.58, 0.16, 0.12, 120, 380, 0.07, dark)
        with c.part("saddle"):
            c.polygon([(-0.48, -0.54), (-0.1, -0.5), (-0.3, -0.42)], dark)
        with c.part("pedal"):
            c.circle(*crank, 0.1, dark)
            t = dice.between(0, math.tau)
            end = (crank[0] + 0.2 * math.cos(t), crank[1] + 0.2 * math.sin(t))
            c.line([crank, end], 0.05, dark)


def car(c: Canvas) -> None:
    """A car in profile: body, windows, lights, two wheels."""
    dice = c.dice
    paint = c.colour(0.35, 0.85)
    dark = mix(paint, (12, 10, 16), 0.65)
    roof = dice.between(-0.5, -0.36)
    with c.part("car"):
        coat = c.texture(paint, 0.4, "light")
        c.polygon([(-0.6, -0.02), (-0.4, roof), (0.25, roof), (0.55, 0.0)], coat)
        body = [(-0.98, 0.36), (-0.96, 0.04), (-0.6, -0.06), (0.55, -0.04), (0.92, 0.08),
                (0.98, 0.36)]  # fmt: skip
        c.polygon(body, coat)
        glass = c.texture(c.colour(0.55, 0.95), 0.4, "light")
        with c.part("window"):
            c.polygon(
                [(-0.5, -0.04), (-0.35, roof + 0.08), (-0.08, roof + 0.08), (-0.08, -0.04)], glass
            )
            c.polygon([(0.0, -0.04), (0.0, roof + 0.08), (0.22, roof + 0.08), (0.44, -0.04)], glass)
        with c.part("door"):
            c.line([(-0.04, roof), (-0.04, 0.32)], 0.035, dark)
            c.line([(-0.28, 0.08), (-0.14, 0.08)], 0.045, dark)
        c.line([(-0.98, 0.36), (0.98, 0.36)], 0.07, dark)
        with c.part("light"):
            c.ellipse(0.9, 0.14, 0.07, 0.07, c.colour(0.85, 0.98))
            c.rectangle(-0.97, 0.08, -0.9, 0.2, c.colour(0.45, 0.7))
        size = dice.between(0.2, 0.26)
        for x in (-0.55, 0.56):
            c.circle(x, 0.36, size * 1.2, dark)
            parts.disc_wheel(c, x, 0.38, size)


def clock(c: Canvas) -> None:
    """A round clock: rim, ticks, numbers, two hands."""
    dice = c.dice
    ink, dial = c.pair(0.5)
    with c.part("clock"):
        c.circle(0, 0, 0.98, c.texture(c.colour(0.15, 0.8), 0.4, "light"))
        c.circle(0, 0, dice.between(0.8, 0.9), c.texture(dial, 0.15, "light"))
        numbers = dice.chance(0.5)
        for k in range(12):
            t = math.tau * k / 12
            if numbers and k % 3 == 0:
                with c.part("letter"):
                    c.glyph(0.62 * math.sin(t), -0.62 * math.cos(t), str(k or 12), 0.27, ink)
                continue
            with c.part("tick"):
                reach = 0.58 if k % 3 == 0 else 0.68
                c.line([(reach * math.sin(t), -reach * math.cos(t)),
                        (0.78 * math.sin(t), -0.78 * math.cos(t))],
                       0.09 if k % 3 == 0 else 0.05, ink)  # fmt: skip
        with c.part("hand"):
            for length, width in ((0.42, 0.11), (0.66, 0.07)):
                t = dice.between(0, math.tau)
                tail = (-0.12 * math.sin(t), 0.12 * math.cos(t))
                c.line([tail, (length * math.sin(t), -length * math.cos(t))], width, ink)
            c.circle(0, 0, 0.09, c.colour(0.3, 0.7))


def house(c: Canvas) -> None:
    """A house: wall, pitched roof with tiles, chimney, windows, door."""
    dice = c.dice
    tiles, wall = c.pair(0.2)
    eaves, ridge = dice.between(-0.25, -0.1), dice.between(-0.95, -0.75)
    with c.part("house"):
        with c.part("chimney"):
            x = dice.pick((-0.5, 0.5))
            c.rectangle(
                x - 0.12, -0.95, x + 0.12, eaves, c.texture(c.colour(0.3, 0.6), 0.4, "weave")
            )
        with c.part("wall"):
            c.rectangle(-0.78, eaves, 0.78, 0.9, c.texture(wall, 0.3))
        with c.part("roof"):
            left, right = -0.98, 0.98
            inset = dice.between(0.4, 0.98)
            c.polygon([(left, eaves + 0.06), (left + inset, ridge), (right - inset, ridge),
                       (right, eaves + 0.06)], c.texture(tiles, 0.4))  # fmt: skip
            edge = mix(tiles, (15, 10, 10), 0.55)
            for k in range(1, 4):
                y = eaves + 0.06 + (ridge - eaves - 0.06) * k / 4
                gap = inset * k / 4
                c.line([(left + gap, y), (right - gap, y)], 0.03, edge)
            c.line([(left, eaves + 0.06), (right, eaves + 0.06)], 0.05, edge)
        door_x = dice.pick((-0.45, 0.0, 0.45))
        with c.part("door"):
            wood = c.colour(0.25, 0.7)
            c.rectangle(door_x - 0.17, 0.3, door_x + 0.17, 0.9, c.texture(wood, 0.35, "wood"))
            c.circle(door_x + 0.1, 0.62, 0.035, mix(wood, (255, 250, 220), 0.7))
        for x in (-0.45, 0.0, 0.45):
            if x != door_x:
                parts.window(c, x, 0.42, 0.15, 0.19)
        if inset < 0.7 and dice.chance(0.5):
            parts.window(c, 0.0, (eaves + ridge) / 2 + 0.03, 0.12, 0.12)


def umbrella(c: Canvas) -> None:
    """An open umbrella: scalloped canopy in panels, ribs, crooked handle."""
    dice = c.dice
    one, other = c.pair(0.2)
    panels = dice.whole(5, 7)
    with c.part("umbrella"):
        with c.part("handle"):
            pole = c.colour(0.15, 0.6)
            c.line([(0, -0.2), (0, 0.78)], 0.06, pole)
            c.curve(0.13, 0.78, 0.13, 0.16, 0, 180, 0.08, pole)
        with c.part("canopy"):
            paints = (c.texture(one, 0.35, "light"), c.texture(other, 0.35, "light"))
            rim = 0.08
            for k in range(panels):
                u0, u1 = -1 + 2 * k / panels, -1 + 2 * (k + 1) / panels
                side0 = [_rib(u0, step / 8, rim) for step in range(9)]
                side1 = [_rib(u1, step / 8, rim) for step in range(8, -1, -1)]
                scallop = [((u0 + u1) / 2 * 0.95, rim - 0.12)]
                c.polygon(side0 + scallop + side1, paints[k % 2])
            with c.part("rib"):
                line = mix(one, (10, 10, 15), 0.6)
                for k in range(panels + 1):
                    u = -1 + 2 * k / panels
                    c.line([_rib(u, step / 8, rim) for step in range(9)], 0.03, line)
            c.line([(0, -0.86), (0, -1.0)], 0.05, line)


def _rib(u: float, t: float, rim: float) -> tuple[float, float]:
    """A point of the canopy's rib ``u`` (-1 left rim, 1 right rim), t from top 0 to rim 1."""
    return 0.95 * u * math.sin(t * math.pi / 2), -0.86 + (rim + 0.86) * (
        1 - math.cos(t * math.pi / 2)
    )


def sailboat(c: Canvas) -> None:
    """A boat: hull, mast, two sails with seams, waves."""
    dice = c.dice
    hull, sail = c.colour(0.2, 0.7), c.colour(0.65, 0.97)
    dark = mix(hull, (10, 10, 10), 0.6)
    with c.part("boat"):
        with c.part("mast"):
            c.line([(0, 0.5), (0, -0.98)], 0.06, dark)
        with c.part("sail"):
            full = dice.between(0.55, 0.8)
            c.polygon([(0.05, -0.94), (0.05, 0.36), (full, 0.36), (full * 0.6, -0.25)],
                      c.texture(sail, 0.3, "light"))  # fmt: skip
            jib = c.texture(mix(sail, c.colour(), dice.between(0, 0.7)), 0.3, "light")
            c.polygon([(-0.05, -0.8), (-0.05, 0.36), (-0.6, 0.36)], jib)
            for k in range(1, 4):
                y = -0.94 + 0.34 * k
                c.line(
                    [(0.05, y), (full * (0.2 + 0.22 * k), y + 0.05)], 0.025, mix(sail, dark, 0.5)
                )
        with c.part("hull"):
            shape = [(-0.8, 0.45), (0.92, 0.42), (0.62, 0.8), (-0.52, 0.8)]
            c.polygon(shape, c.texture(hull, 0.4, "wood"))
            c.line([(-0.8, 0.46), (0.92, 0.43)], 0.05, c.colour(0.7, 0.95))
    with c.part("wave"):
        foam = c.colour(0.5, 0.9)
        for k in range(5):
            c.curve(-0.8 + 0.4 * k, 0.82, 0.21, 0.1, 0, 180, 0.06, foam)


def cup(c: Canvas) -> None:
    """A cup with a handle, a band of decoration and steam."""
    dice = c.dice
    band, glaze = c.pair(0.3)
    dark = mix(glaze, (15, 10, 10), 0.5)
    with c.part("cup"):
        with c.part("saucer"):
            c.ellipse(-0.05, 0.86, 0.85, 0.12, c.texture(mix(glaze, dark, 0.3), 0.3, "light"))
        with c.part("handle"):
            c.curve(0.55, 0.2, 0.35, 0.32, -80, 95, 0.13, mix(glaze, dark, 0.25))
        taper = dice.between(0.35, 0.52)
        side = [(-0.65, -0.25), (0.62, -0.25), (taper, 0.85), (-taper, 0.85)]
        c.polygon(side, c.texture(glaze, 0.35, "light"))
        style = dice.whole(0, 2)
        with c.part("band"):
            if style == 0:
                c.polygon([(-0.58, 0.12), (0.56, 0.12), (0.5, 0.38), (-0.53, 0.38)], band)
            elif style == 1:
                for k in range(4):
                    c.circle(-0.4 + 0.27 * k, 0.25, 0.1, band)
            else:
                for k in range(5):
                    c.line([(-0.5 + 0.24 * k, 0.02), (-0.4 + 0.19 * k, 0.6)], 0.07, band)
        c.ellipse(-0.015, -0.25, 0.635, 0.15, mix(glaze, (255, 255, 255), 0.3))
        c.ellipse(-0.015, -0.23, 0.55, 0.11, c.texture(c.colour(0.2, 0.5), 0.3, "light"))
    with c.part("steam"):
        mist = c.colour(0.7, 0.97)
        for x in (-0.25, 0.05, 0.32):
            wave = [(x + 0.07 * math.sin(5 * t / 6), -0.42 - 0.09 * t) for t in range(7)]
            c.line(wave, 0.05, mist)
