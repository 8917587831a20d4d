"""A unit during training: what excited it most at each checkpoint, as a row of tiles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.experiments.evolution import (
    EVOLUTION,
    UNITS,
    Evolution,
    UnitEvolution,
    strip_file,
)
from atlas.data.numbered import find
from atlas.data.records import LayerData, Pair
from atlas.drawing import pixels
from atlas.site import phrases
from atlas.site.render.base import PageAddress
from atlas.site.render.view import AtlasView

END = "the end"
_NUMBERED = re.compile(r"^([^\W\d_]{3,})[-_]?(\d+)$")  # a word, and a number


@dataclass(frozen=True)
class MomentTiles:
    """A unit at one moment: its reconstruction and its patch, by their left edges on the strip.

    ``patch`` is None where patches may not be shown, and ``value`` "" where no image excites the
    unit. ``changed`` says whether its strongest image is another one than at the moment before;
    ``page`` is the link to the image's page, if it has one, and ``text`` says all in words.
    """

    name: str
    value: str
    reconstruction: int
    patch: int | None
    changed: bool
    image: str
    page: str
    text: str


@dataclass(frozen=True)
class Strip:
    """The strip of a unit's tiles: its file, its size, and the moments on it."""

    source: str
    size: Pair
    tile: Pair
    moments: tuple[MomentTiles, ...]

    @property
    def width(self) -> int:
        """How wide the reconstructions of all moments are together; so are the patches."""
        return len(self.moments) * (self.tile[1] + pixels.GAP) - pixels.GAP

    @property
    def patches(self) -> bool:
        """Whether the strip has patches."""
        return self.moments[0].patch is not None


@dataclass(frozen=True)
class Training:
    """What a unit's page says of its training, with the link to the experiment."""

    strip: Strip
    lead: str
    page: str


def training(view: AtlasView, layer: LayerData, unit: int, page: PageAddress) -> Training | None:
    """A unit during training; None where nobody looked, or nothing ever excited it."""
    evolution = evolution_of(view)
    if evolution is None or not view.has(UNITS, layer.layer):
        return None
    of = unit_of(view, layer.layer, unit)
    strip = strip_of(view, evolution, layer.layer, of, page) if of else None
    if of is None or strip is None:
        return None
    folder = addresses.label_folder("experiments", view.layers)
    return Training(strip, _lead(evolution, of, strip), view.link(f"{folder}/evolution.html", page))


def evolution_of(view: AtlasView) -> Evolution | None:
    """What the experiment came to; None where it wasn't made."""
    return view.kept(EVOLUTION).result if view.has(EVOLUTION) else None


def unit_of(view: AtlasView, layer: str, unit: int) -> UnitEvolution | None:
    """What became of a unit; None if nobody looked at it."""
    return find(view.kept(UNITS, layer).units, unit)


def names(evolution: Evolution) -> tuple[str, ...]:
    """What the moments are called: by their checkpoints, ``step211`` as "step 211"."""
    return (*(_NUMBERED.sub(r"\1 \2", name) for name in evolution.moments), END)


def strip_of(
    view: AtlasView, evolution: Evolution, layer: str, of: UnitEvolution, page: PageAddress
) -> Strip | None:
    """The strip of a unit, if there is one."""
    file = strip_file(layer, of.unit)
    if not (view.folder / file).is_file():
        return None
    tile = next(one.tile for one in evolution.layers if one.layer == layer)
    said = names(evolution)
    tiles = len(said) * (2 if view.atlas.pictures else 1)
    size = pixels.strip_size(tile, tiles)
    return Strip(view.link(file, page), size, tile, _moments(view, said, of, tile, page))


def _moments(
    view: AtlasView, said: Sequence[str], of: UnitEvolution, tile: Pair, page: PageAddress
) -> tuple[MomentTiles, ...]:
    values = phrases.activations([one.value if one else 0.0 for one in of.strongest])
    moments = []
    for number, (name, value, one) in enumerate(zip(said, values, of.strongest, strict=True)):
        left = number * (tile[1] + pixels.GAP)
        patch = (len(said) + number) * (tile[1] + pixels.GAP)
        changed = of.changed(number)
        link = ""
        if one and one.image in view.shown_images:
            link = view.link(addresses.image_page(one.image), page)
        moments.append(
            MomentTiles(
                name,
                value if one else "",
                left,
                patch if view.atlas.pictures else None,
                changed,
                one.name if one else "",
                link,
                f"{name}: {value} on {one.name}{', another image' if changed else ''}"
                if one
                else f"{name}: nothing excites it",
            )
        )
    return tuple(moments)


def _lead(evolution: Evolution, of: UnitEvolution, strip: Strip) -> str:
    """When the unit became what it is, in a sentence."""
    if not of.ends:
        return f"At the end none of the {evolution.images:,} images watched here excites it."
    last = len(strip.moments) - 1
    changes = [one.name for one in strip.moments if one.changed]
    r = f"r = {of.activations[last - 1]:.2f}"
    goes = f"Its activations at {strip.moments[last - 1].name} go with those at the end by {r}."
    if evolution.images < evolution.of:
        goes += f" Only {evolution.images:,} of the {evolution.of:,} images were watched."
    if not changes:
        return f"The same image excites it most from {strip.moments[0].name} to the end. {goes}"
    times = "once" if len(changes) == 1 else f"{len(changes)} times, the last time"
    return f"The image that excites it most changes {times} at {changes[-1]}. {goes}"
