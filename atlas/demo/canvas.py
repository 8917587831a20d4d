"""A small painter: shapes in local coordinates, textured fills, and a mask for every part.

Coordinates are local: the current placement maps the square [-1, 1] x [-1, 1] (x to the right,
y down) onto the picture. Everything is drawn at twice the final size and reduced at the end,
which is all the anti-aliasing there is.

A canvas keeps masks only when asked, and can paint the picture or not. A shape belongs to every
part that encloses it (a spoke also belongs to its wheel and to the bicycle) and hides whatever lies
under it, so masks show what is visible.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from atlas.demo.visible import Font, Parts, Point, Visible

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom
T = TypeVar("T")

SUPERSAMPLING = 2
TILE = 256  # side of a texture tile, in supersampled pixels

_CIRCLE = [(math.cos(math.tau * step / 48), math.sin(math.tau * step / 48)) for step in range(48)]


class Dice:
    """Random choices built on ``Random.random`` alone, whose sequence Python keeps stable."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed).random

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self.random()

    def whole(self, low: int, high: int) -> int:
        """An integer in [low, high], both included."""
        return low + int((high - low + 1) * self.random())

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(len(items) * self.random())]


def oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """An sRGB colour from OKLCh: lightness 0 to 1, chroma 0 to about 0.3, hue in turns."""
    a, b = chroma * math.cos(math.tau * hue), chroma * math.sin(math.tau * hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear_red, linear_green, linear_blue = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return _gamma(linear_red), _gamma(linear_green), _gamma(linear_blue)


def _gamma(linear: float) -> int:
    """A linear intensity, cut to [0, 1], as a byte of sRGB."""
    return round(255 * max(0.0, min(1.0, linear)) ** (1 / 2.2))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """``one`` with ``share`` of ``other`` in it."""
    red = round(one[0] + (other[0] - one[0]) * share)
    green = round(one[1] + (other[1] - one[1]) * share)
    blue = round(one[2] + (other[2] - one[2]) * share)
    return red, green, blue


@lru_cache(maxsize=1)
def texture_tiles() -> dict[str, list[Image.Image]]:
    """Grey tiles by kind, drawn once from a fixed seed; a texture blends two colours by one."""
    rng = np.random.default_rng(1311_2901)
    y, x = np.mgrid[0:TILE, 0:TILE] / TILE

    def noise(cells_y: int, cells_x: int) -> np.ndarray:
        coarse = rng.integers(0, 256, (cells_y, cells_x), dtype=np.uint8)
        fine = Image.fromarray(coarse).resize((TILE, TILE), Image.Resampling.BICUBIC)
        return np.asarray(fine, dtype=np.float64) / 255

    def ramp() -> np.ndarray:
        angle = rng.uniform(0, math.tau)
        along = (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle)
        return np.clip(along + 0.5, 0, 1)

    def ball() -> np.ndarray:
        cx, cy = rng.uniform(0.25, 0.75, 2)
        return np.clip(1.15 - 1.5 * np.hypot(x - cx, y - cy), 0, 1)

    def cloud() -> np.ndarray:
        return 0.5 * noise(4, 4) + 0.3 * noise(9, 9) + 0.2 * noise(20, 20)

    def weave() -> np.ndarray:
        period = rng.uniform(18, 40)
        return 0.5 + 0.5 * np.sin(math.tau * period * x) * np.sin(math.tau * period * y)

    def fur() -> np.ndarray:
        hair = noise(96, 10) if rng.random() < 0.5 else noise(10, 96)
        return 0.7 * hair + 0.3 * noise(6, 6)

    def wood() -> np.ndarray:
        warp = 0.12 * noise(5, 5)
        return 0.5 + 0.5 * np.sin(math.tau * rng.uniform(5, 11) * (x * 0.2 + y + warp))

    def grain() -> np.ndarray:
        return 0.6 * noise(110, 110) + 0.4 * noise(50, 50)

    kinds = {"cloud": cloud, "weave": weave, "fur": fur, "wood": wood, "grain": grain}
    tiles: dict[str, list[Image.Image]] = {"light": []}
    for name, pattern in kinds.items():
        tiles[name] = []
        for number in range(8):
            shade = ramp() if number % 2 else ball()
            grey = 0.55 * shade + 0.45 * pattern()
            tiles[name].append(Image.fromarray((255 * np.clip(grey, 0, 1)).astype(np.uint8)))
    for number in range(12):
        shade = 0.75 * (ramp() if number % 2 else ball()) + 0.25 * noise(4, 4)
        tiles["light"].append(Image.fromarray((255 * np.clip(shade, 0, 1)).astype(np.uint8)))
    return tiles


@lru_cache(maxsize=16)
def _light(side: int) -> list[np.ndarray]:
    """What light there may be over a picture of a side: ``[side, side, 1]``, 0 to 1."""
    return [
        np.asarray(tile.resize((side, side)), dtype=np.float32)[..., None] / 255
        for tile in texture_tiles()["light"]
    ]


@lru_cache(maxsize=16)
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


@dataclass(frozen=True)
class Texture:
    """A surface of two colours, blended by a grey tile of the whole picture's size."""

    tile: Image.Image
    flipped: bool
    dark: Colour
    light: Colour

    def within(self, box: Box) -> Image.Image:
        """The surface within a box of the picture."""
        tile = self.tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if self.flipped else self.tile
        left, top, right, bottom = box
        painted = Image.new("RGB", (right - left, bottom - top), self.dark)
        painted.paste(self.light, (0, 0), tile.crop(box))
        return painted


Paint = Colour | Texture


class Canvas:
    """One picture being painted, with its parts' masks when ``masks`` is set.

    ``side`` is the final side in pixels. Without ``pictured`` there are masks alone.
    """

    def __init__(
        self, side: int, dice: Dice, *, masks: bool = False, pictured: bool = True
    ) -> None:
        self.side = side
        self.dice = dice
        self.palette = _palette(dice)
        full = side * SUPERSAMPLING
        self._size = (full, full)
        self._image = Image.new("RGB", self._size if pictured else (1, 1))
        self._pen = ImageDraw.Draw(self._image) if pictured else None
        self._visible = Visible(self._size) if masks else None
        self._open_parts: Parts = ()
        # Local to supersampled pixels: (px, py) = (a*x + b*y + e, c*x + d*y + f).
        self._placement = (full / 2, 0.0, 0.0, full / 2, full / 2, full / 2)

    # -- where ---------------------------------------------------------------------------------

    @contextmanager
    def place(
        self, x: float, y: float, scale: float, turn: float = 0.0, flip: bool = False
    ) -> Iterator[None]:
        """Draw in a smaller frame centred on (x, y); ``turn`` in degrees, clockwise."""
        a, b, c, d, e, f = outer = self._placement
        cos, sin = scale * math.cos(math.radians(turn)), scale * math.sin(math.radians(turn))
        mirror = -1.0 if flip else 1.0
        self._placement = (
            mirror * (a * cos + b * sin),
            b * cos - a * sin,
            mirror * (c * cos + d * sin),
            d * cos - c * sin,
            a * x + b * y + e,
            c * x + d * y + f,
        )
        yield
        self._placement = outer

    @contextmanager
    def part(self, *names: str) -> Iterator[None]:
        """What is drawn inside belongs to these parts, and to those already open."""
        outer = self._open_parts
        self._open_parts = outer + names
        yield
        self._open_parts = outer

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        a, b, c, d, e, f = self._placement
        return [(a * x + b * y + e, c * x + d * y + f) for x, y in points]

    def _width(self, width: float) -> int:
        a, b, c, d, _, _ = self._placement
        return max(1, round(width * math.sqrt(abs(a * d - b * c))))

    # -- with what -----------------------------------------------------------------------------

    def colour(self, low: float = 0.25, high: float = 0.95) -> Colour:
        """A colour of the picture's palette with its lightness drawn from [low, high)."""
        chroma, hue = self.dice.pick(self.palette)
        hue += self.dice.between(-0.03, 0.03)
        return oklch(self.dice.between(low, high), chroma * self.dice.between(0.5, 1.2), hue)

    def pair(self, gap: float = 0.35) -> tuple[Colour, Colour]:
        """Two colours whose lightnesses differ by at least ``gap``, in random order."""
        dark = self.dice.between(0.15, 0.9 - gap)
        light = self.dice.between(dark + gap, 0.97)
        one, other = self.colour(dark, dark + 0.02), self.colour(light - 0.02, light)
        return (one, other) if self.dice.chance(0.5) else (other, one)

    def texture(self, colour: Colour, depth: float = 0.45, kind: str | None = None) -> Texture:
        """A shaded, textured surface about ``colour``; ``depth`` is how far it strays from it."""
        kind = kind or self.dice.pick(("cloud", "cloud", "weave", "fur", "wood", "grain", "light"))
        tile = self.dice.pick(texture_tiles()[kind])
        flipped = self.dice.chance(0.5)
        if tile.size != self._size:
            tile = tile.resize(self._size)
        dark, light = mix(colour, (10, 8, 16), depth), mix(colour, (255, 250, 240), depth * 0.8)
        return Texture(tile, flipped, dark, light)

    # -- shapes --------------------------------------------------------------------------------

    def fill(self, paint: Paint) -> None:
        """Cover the whole picture."""
        whole = (0, 0, *self._size)
        self._image.paste(paint.within(whole) if isinstance(paint, Texture) else paint, whole)

    def polygon(self, points: Sequence[Point], paint: Paint) -> None:
        """A filled polygon."""
        corners = self._pixels(points)
        if self._pen:
            if isinstance(paint, Texture):
                self._paste(corners, paint)
            else:
                self._pen.polygon(corners, fill=paint)
        if self._visible:
            self._visible.polygon(corners, self._open_parts)

    def _paste(self, corners: list[Point], texture: Texture) -> None:
        full = self._image.width
        left = max(0, int(min(x for x, _ in corners)))
        top = max(0, int(min(y for _, y in corners)))
        right = min(full, int(max(x for x, _ in corners)) + 2)
        bottom = min(full, int(max(y for _, y in corners)) + 2)
        if left >= right or top >= bottom:
            return
        stencil = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(stencil).polygon([(x - left, y - top) for x, y in corners], fill=255)
        self._image.paste(texture.within((left, top, right, bottom)), (left, top), stencil)

    def ellipse(self, x: float, y: float, rx: float, ry: float, paint: Paint) -> None:
        """A filled ellipse about (x, y)."""
        self.polygon([(x + rx * u, y + ry * v) for u, v in _CIRCLE], paint)

    def circle(self, x: float, y: float, radius: float, paint: Paint) -> None:
        """A filled circle about (x, y)."""
        self.ellipse(x, y, radius, radius, paint)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, paint: Paint) -> None:
        """A filled rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], paint)

    def slab(self, x0: float, y0: float, x1: float, y1: float, radius: float, paint: Paint) -> None:
        """A filled rectangle with round corners."""
        corners = []
        for cx, cy, start in (
            (x1 - radius, y1 - radius, 0),
            (x0 + radius, y1 - radius, 12),
            (x0 + radius, y0 + radius, 24),
            (x1 - radius, y0 + radius, 36),
        ):
            quarter = [_CIRCLE[(start + step) % 48] for step in (0, 4, 8, 12)]
            corners += [(cx + radius * u, cy + radius * v) for u, v in quarter]
        self.polygon(corners, paint)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line through the points, ``width`` in local units."""
        corners, pixels = self._pixels(points), self._width(width)
        if self._pen:
            self._pen.line(corners, fill=colour, width=pixels, joint="curve")
        if self._visible:
            self._visible.line(corners, pixels, self._open_parts)

    def curve(
        self, x: float, y: float, rx: float, ry: float, start: float, end: float, width: float,
        colour: Colour,
    ) -> None:  # fmt: skip
        """An elliptic arc as a line; angles in degrees, clockwise from the right."""
        steps = max(4, int(abs(end - start) / 9))
        angles = [math.radians(start + (end - start) * k / steps) for k in range(steps + 1)]
        self.line([(x + rx * math.cos(t), y + ry * math.sin(t)) for t in angles], width, colour)

    def ring(self, x: float, y: float, radius: float, width: float, colour: Colour) -> None:
        """A circle's outline."""
        self.curve(x, y, radius, radius, 0, 366, width, colour)

    def glyph(self, x: float, y: float, text: str, height: float, colour: Colour) -> None:
        """Upright text centred on (x, y), ``height`` in local units."""
        (centre,), size = self._pixels([(x, y)]), max(6, self._width(height * 1.35))
        if self._pen:
            self._pen.text(centre, text, fill=colour, font=_font(size), anchor="mm")
        if self._visible:
            self._visible.text(centre, text, _font(size), self._open_parts)

    # -- done ----------------------------------------------------------------------------------

    def picture(self) -> np.ndarray:
        """The picture at its final size: ``[side, side, 3]`` uint8, lit and with sensor noise."""
        dice = self.dice
        pixels = np.asarray(self._image.reduce(SUPERSAMPLING), dtype=np.float32)
        light = dice.pick(_light(self.side))
        depth = dice.between(0.1, 0.5)
        cast = np.array([dice.between(0.93, 1.07) for _ in range(3)], dtype=np.float32)
        pixels *= (1.03 + depth * (light - 0.55)) * cast
        rng = np.random.default_rng(int(dice.random() * 2**48))
        noise = rng.standard_normal(pixels.shape, dtype=np.float32)
        pixels += dice.between(0.5, 6.0) * noise
        pixels = (pixels - 128) * dice.between(0.85, 1.1) + 128 + dice.between(-12, 12)
        return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)

    def masks(self) -> dict[str, np.ndarray]:
        """Each visible part's mask at the final size: ``[side, side]`` bool."""
        return self._visible.masks(SUPERSAMPLING) if self._visible else {}


def _palette(dice: Dice) -> list[tuple[float, float]]:
    """Chroma and hue of a picture's colours: a main hue, kin to it, one opposite, one grey."""
    hue = dice.random()
    scheme = dice.pick(((0.0, 0.08, 0.5), (0.0, 0.33, 0.66), (0.0, 0.12, 0.45), (0.0, 0.25, 0.55)))
    vivid = dice.between(0.08, 0.23)
    return [(vivid, hue + step) for step in scheme] + [(0.02, hue)]
