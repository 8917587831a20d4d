"""A unit's page, and its card for other people's pages."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from atlas.data import addresses, levels
from atlas.data.records import LayerData, Link, Unit
from atlas.drawing import pixels
from atlas.site import phrases
from atlas.site.render import evidence, kit
from atlas.site.render.base import AtlasView, PageAddress, Preview
from atlas.site.render.pictures import card, frame, within

BARS = 48  # of a distribution, at most: its upper six doublings


@dataclass(frozen=True)
class Neighbour:
    """Another unit that this one is made of or feeds: its share in words, its page and thumbnail.

    Page and thumbnail are "" where there is none.
    """

    title: str
    share: str
    negative: bool
    page: str
    source: str
    size: tuple[int, int]
    alt: str


def unit_page(shelf: AtlasView, layer: LayerData, unit: Unit) -> str:
    """Nine pairs, large, each with its activation, its class, and where in its image it lies."""
    file = addresses.unit_page(layer.layer, unit.unit)
    here = PageAddress(shelf.address(file))
    size = shelf.atlas.preprocessing["crop"]
    small = pixels.small_plate_of(layer.receptive_field.size, shelf.pictures)
    pairs = [
        {
            "reconstruction": layer.plate.place(rank, patch=False),
            "patch": layer.plate.place(rank, patch=True),
            "twin": small.place(rank, patch=False),
            "kept": small.place(rank, patch=True),
            "tried": evidence.of_winner(unit, rank),
            "value": phrases.number(winner.value),
            "label": winner.label,
            "what": phrases.winner(winner, rank),
            "where": phrases.where(winner, layer),
            "image": ""
            if shelf.lean
            else here.to(shelf.address(addresses.image_page(winner.image)))
            + f"#{addresses.mark(layer.layer, unit.unit)}",
            "frame": frame(
                here.to(shelf.address(addresses.image_file(winner.image))) if shelf.stimuli else "",
                (size[0], size[1]),
                winner.box,
                "Its place in the whole image",
                within(winner.box, unit.effective),
            ),
        }
        for rank, winner in enumerate(unit.nine)
    ]
    counts = Counter(winner.label for winner in unit.nine if winner.label)
    row = bisect_left(layer.top, unit.unit, key=lambda other: other.unit)
    around = layer.top[max(row - 1, 0) : row], layer.top[row + 1 : row + 2]
    steps = [
        (f"{layer.layer}/{other[0].unit}", f"{other[0].unit}.html") if other else None
        for other in around
    ]
    return shelf.page(
        "unit.html",
        file,
        [f"{layer.layer}/{unit.unit}"],
        f"What activates unit {unit.unit} of {layer.layer} of {shelf.name} most",
        [(layer.layer, shelf.address(addresses.layer_page(layer.layer))), (str(unit.unit), None)],
        preview=preview(shelf, layer, unit),
        oembed=f"{unit.unit}.oembed.json" if shelf.about.base and not shelf.lean else "",
        previous=steps[0],
        next=steps[1],
        layer=layer,
        unit=unit,
        lead=phrases.unit_lead(layer, unit),
        plate=f"{unit.unit}.webp",
        crisp=pixels.is_crisp(layer.receptive_field.size),
        pictures=shelf.pictures,
        lean=shelf.lean,
        jpeg=shelf.atlas.images["jpeg"],
        collapsed=phrases.collapsed(shelf.atlas),
        credit=phrases.credit(shelf.atlas),
        rule=phrases.rule(shelf.atlas),
        image_free=phrases.image_free(shelf.atlas, layer.layer),
        verify=f"site/{shelf.name}/{layer.layer}/{unit.unit}",
        provenance=phrases.provenance(shelf.atlas),
        pairs=pairs,
        classes=[(name, count) for name, count in counts.most_common() if count > 1],
        once=[name for name, count in counts.items() if count == 1],
        filter=_filter(layer, unit.unit),
        distribution=_distribution(layer, unit),
        below=_neighbours(shelf, unit.below, here),
        above=_neighbours(shelf, unit.above, here),
        alike=_neighbours(shelf, unit.alike, here, phrases.correlation),
        spectrum=_spectrum(shelf, layer, unit, here),
        agreement=phrases.agreement(shelf.atlas, unit),
        tried={"source": f"tried/{unit.unit}.webp", "plate": small}
        if unit.evidence and not shelf.lean
        else None,
        evidence=evidence.of_unit(unit, shelf.summary(layer.layer)),
        compared=phrases.are_compared(shelf.atlas, layer),
        concepts=[(name, f"{share:.2f}", round(100 * share, 1)) for name, share in unit.concepts],
        outside=phrases.outside(unit),
        snippets=kit.of_unit(shelf, layer, unit),
    )


def embed_page(shelf: AtlasView, layer: LayerData, unit: Unit) -> str:
    """A unit as a small card for an iframe: one picture and what it is, no script."""
    file = addresses.embed_page(layer.layer, unit.unit)
    here = PageAddress(shelf.address(file))
    return shelf.templates.get_template("embed.html").render(
        root=here.root,
        title=f"{shelf.name} {layer.layer}/{unit.unit}",
        about=shelf.about,
        card=card(shelf, layer, unit, here),
        plate=layer.plate,
        atlas=shelf.name,
        credit=phrases.credit(shelf.atlas),
        home=here.to("index.html"),
    )


def preview(shelf: AtlasView, layer: LayerData, unit: Unit) -> Preview | None:
    """The picture that stands for a unit where its link is pasted."""
    if not unit.nine or not shelf.atlas.images["jpeg"]:
        return None
    height, width = layer.plate.size
    return Preview(shelf.address(addresses.picture_file(layer.layer, unit.unit)), (width, height))


def _neighbours(
    shelf: AtlasView,
    links: Sequence[Link],
    here: PageAddress,
    say: Callable[[float | None], str] = phrases.signed_share,
) -> list[Neighbour]:
    """Other units as they are linked; those that are not shown have a name only."""
    found = []
    for name, number, share in links:
        layer = shelf.layers[name]
        unit = layer.find(number)
        fired = unit is not None and unit.nine
        found.append(
            Neighbour(
                f"{name}/{number}",
                say(share),
                share is not None and share < 0,
                here.to(shelf.address(addresses.unit_page(name, number))) if unit else "",
                here.to(shelf.address(addresses.thumbnail_file(name, number)))
                if fired and not shelf.lean
                else "",
                pixels.thumbnail_size(layer.plate.size),
                phrases.plate(layer, unit) if unit and fired else "",
            )
        )
    return found


def _spectrum(
    shelf: AtlasView, layer: LayerData, unit: Unit, here: PageAddress
) -> dict[str, Any] | None:
    """Patches at some percentiles, from one strip, and where each leads."""
    if not shelf.stimuli or not any(sample.winner for sample in unit.spectrum):
        return None
    tile = pixels.strip_tile(layer.receptive_field.size)
    samples = []
    for place, sample in enumerate(unit.spectrum):
        winner = sample.winner
        samples.append(
            {
                "percent": phrases.percent(sample.percent),
                "left": place * (tile[1] + pixels.GAP),
                "value": phrases.number(winner.value) if winner else "silent",
                "label": winner.label or winner.file if winner else "",
            }
        )
    return {
        "source": here.to(shelf.address(addresses.spectrum_file(layer.layer, unit.unit))),
        "size": pixels.strip_size(tile, len(samples)),
        "tile": tile,
        "samples": samples,
    }


def _distribution(layer: LayerData, unit: Unit) -> dict[str, Any] | None:
    """How many images reached each level, as bars: left and height of each, and what they span."""
    first, counts = unit.levels
    if not counts:
        return None
    lowest = max(first, first + len(counts) - BARS)
    shown = counts[lowest - first :]
    tallest = max(shown)
    stop = lowest + len(shown)
    return {
        "bars": [(i, round(40 * count / tallest, 1)) for i, count in enumerate(shown) if count],
        "width": len(shown),
        "first": phrases.number(levels.lower_bound(lowest)),
        "last": phrases.number(levels.lower_bound(stop)),
        "silent": phrases.silent(layer, unit),
        "less": sum(counts[: lowest - first]),
        "ninth": _place(unit.nine[-1].value, lowest, stop) if len(unit.nine) == 9 else None,
    }


def _place(value: float, lowest: int, stop: int) -> float:
    """Where a value stands among levels, a level being 1 wide."""
    low = math.log2(levels.lower_bound(lowest))
    high = math.log2(levels.lower_bound(stop))
    return round((stop - lowest) * (math.log2(value) - low) / (high - low), 2)


def _filter(layer: LayerData, unit: int) -> dict[str, Any] | None:
    if layer.filters is None:
        return None
    height, width, across = layer.filters
    row, column = divmod(unit, across)
    gap = pixels.GAP
    return {
        "view": f"{column * (width + gap)} {row * (height + gap)} {width} {height}",
        "size": pixels.sheet_size(layer.filters, layer.units),
    }
