"""What units want: the pictures that were made for them, on units' and layers' pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData, Pair
from atlas.data.wants import (
    FOURIER,
    NEGATIVE,
    PIXELS,
    SECOND,
    WANTS,
    LayerWants,
    Made,
    UnitWants,
    made_file,
)
from atlas.drawing import pixels
from atlas.site import phrases
from atlas.site.render.base import PageAddress
from atlas.site.render.evidence_tables import Row, Table
from atlas.site.render.view import AtlasView

TITLES = {
    FOURIER: "Made for it",
    SECOND: "Another, unlike it",
    NEGATIVE: "What it wants least",
    PIXELS: "By another method",
}
HALF = 0.5  # of the way from any image to the nine: less is another path, to a reader


@dataclass(frozen=True)
class MadePicture:
    """A picture that was made: its title, its file and size, and how strongly it excites."""

    title: str
    source: str
    size: Pair
    said: str
    text: str


@dataclass(frozen=True)
class Wanted:
    """What a unit's page says of what it wants.

    ``path`` compares the way through the layers below, "" where there are none.
    """

    pictures: tuple[MadePicture, ...]
    crisp: bool
    lead: str
    path: str
    note: str


@dataclass(frozen=True)
class WantedUnit:
    """A unit on its layer's page: the link to it, and its picture."""

    title: str
    page: str
    source: str
    size: Pair
    said: str


@dataclass(frozen=True)
class WantedLayer:
    """What a layer's page says of what its units want; ``table`` is None for the first layer."""

    units: tuple[WantedUnit, ...]
    crisp: bool
    lead: str
    table: Table | None


def of_unit(view: AtlasView, layer: LayerData, unit: int, page: PageAddress) -> Wanted | None:
    """What a unit wants; None where nothing was made for it."""
    wants = _wants(view, layer.layer)
    own = wants.find(unit) if wants else None
    if wants is None or own is None:
        return None
    return Wanted(
        tuple(
            MadePicture(
                TITLES[made.kind],
                view.link(made_file(layer.layer, unit, made.kind), page),
                wants.size,
                _said(own, made),
                f"{TITLES[made.kind]}: a picture made for {layer.layer}/{unit}, {_said(own, made)}",
            )
            for made in own.made
        ),
        pixels.is_crisp(wants.size),
        _lead(own),
        _path(own),
        f"Made in {wants.steps} steps from noise with the seed {own.seed}.",
    )


def of_layer(view: AtlasView, layer: LayerData, page: PageAddress) -> WantedLayer | None:
    """What a layer's units want; None where nothing was made for any of them."""
    wants = _wants(view, layer.layer)
    if wants is None:
        return None
    units = tuple(_units(view, layer, wants, page))
    table = None
    if wants.below:
        rows = [
            Row(one.layer, (_figure(one.made), _figure(one.natural), _figure(one.chance)))
            for one in wants.below
        ]
        heads = ("made with the nine", "the nine with each other", "any image with the nine")
        table = Table(heads, tuple(rows))
    return WantedLayer(units, pixels.is_crisp(wants.size), _layer_lead(wants), table)


def _wants(view: AtlasView, layer: str) -> LayerWants | None:
    return view.kept(WANTS, layer) if view.has(WANTS, layer) else None


def _units(
    view: AtlasView, layer: LayerData, wants: LayerWants, page: PageAddress
) -> Iterator[WantedUnit]:
    for own in wants.units:
        if layer.find(own.unit):
            yield WantedUnit(
                f"{layer.layer}/{own.unit}",
                view.link(addresses.unit_page(layer.layer, own.unit), page),
                view.link(made_file(layer.layer, own.unit, FOURIER), page),
                wants.size,
                f"{own.share:.1f} ×" if own.share is not None else "never active",
            )


def _said(own: UnitWants, made: Made) -> str:
    """How strongly a picture excites its unit, in a few words."""
    if made.kind == NEGATIVE:
        value = phrases.activations([made.before])[0].replace("-", "−")
        return value if made.reached == made.before else f"{value} before the rectification"
    reached = phrases.activations([made.reached])[0]
    if own.natural > 0:
        return f"{reached}, {made.reached / own.natural:.1f} × the strongest image"
    return reached


def _lead(own: UnitWants) -> str:
    """Made, not found; and what that is worth."""
    first = own.made[0]
    if own.natural > 0:
        verb = "excites" if first.reached >= own.natural else "excites, less than an image does,"
        says = f"This picture {verb} the unit"
    elif first.reached > 0:
        says = "No image excites the unit, and this picture does"
    else:
        says = "No image excites the unit, and nor does this picture"
    return (
        f"Made, not found. {says}: it is what gradient ascent reaches from noise with this "
        "regularisation, and not what the unit detects in photographs."
    )


def _path(own: UnitWants) -> str:
    """Whether it takes the path that photographs take, in a sentence."""
    made = own.made[0].path
    if made is None or own.path is None or own.chance is None:
        return ""
    if own.along is None:
        verdict = "The nine go no path of their own through the layers below"
    elif own.along < HALF:
        verdict = "It takes another path through the network than the nine do"
    else:
        verdict = "It takes about the path through the network that the nine do"
    return (
        f"{verdict}: the units below rank as with the nine by {phrases.signed(made)}; the nine "
        f"among themselves by {phrases.signed(own.path)}, and with any image by "
        f"{phrases.signed(own.chance)} (rank correlation)."
    )


def _layer_lead(wants: LayerWants) -> str:
    live = [one for one in wants.units if one.natural > 0]
    silent = [one for one in wants.units if one.natural <= 0]
    reach = sum(one.made[0].reached >= one.natural for one in live)
    said = f"Pictures made by gradient ascent for {len(wants.units)} of its units, not found. "
    if live:
        said += f"{reach} of {len(live)} excite their unit at least as much as any image does. "
    if silent:
        woken = sum(one.made[0].reached > 0 for one in silent)
        said += f"Of {len(silent)} that no image excites, {woken} are excited. "
    return said.strip()


def _figure(value: float | None) -> str:
    return "–" if value is None else phrases.signed(value)
