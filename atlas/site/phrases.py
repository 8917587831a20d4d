"""What the pages say about numbers and facts: pure functions to short pieces of English."""

from __future__ import annotations

import functools
import math
from collections import Counter
from fractions import Fraction

from atlas.data.records import AtlasData, LayerData, Unit, Winner
from atlas.site.info import SiteInfo


def sees(layer: LayerData) -> str:
    """How much of the image a unit of the layer sees."""
    height, width = layer.receptive_field.size
    if layer.receptive_field.stride == (0, 0):
        return "the whole image"
    return f"{height}×{width} pixels"


def where(winner: Winner, layer: LayerData) -> str:
    """An image's name, and the position in the feature map where it activates the unit."""
    if layer.shape[1:] == (1, 1):
        return winner.file
    return f"{winner.file}, row {winner.position[0]}, column {winner.position[1]}"


def number(value: float) -> str:
    """An activation, with three significant digits."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def share(part: int, whole: int) -> str:
    """A part of a whole in percent, never rounded to none or all."""
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "under 1 %"
    if 99 < percent < 100:
        return "over 99 %"
    return f"{percent:.0f} %"


def layer_lead(layer: LayerData) -> str:
    """What a layer is."""
    height, width = layer.shape[1:]
    places = f" at {height}×{width} positions" if height * width > 1 else ""
    dead = f" {layer.dead} of {'those' if len(layer.top) < layer.units else 'them'} never fired."
    dead = dead if layer.dead else ""
    shown = f" {len(layer.top)} of them are shown." if len(layer.top) < layer.units else ""
    module = "" if layer.module == layer.layer else f" ({layer.module})"
    return (
        f"{layer.units} units of a {layer.kind}{module}{places}. "
        f"Each activation sees {sees(layer)}.{shown}{dead}"
    )


def unit_lead(layer: LayerData, unit: Unit) -> str:
    """How often a unit fired, and what it sees."""
    if not unit.fired:
        return f"None of {layer.images:,} images activated this unit."
    few = f" Only {len(unit.nine)} images could be shown." if len(unit.nine) < 9 else ""
    most = ""
    if unit.effective and layer.receptive_field.size != (1, 1):
        top, left, bottom, right = unit.effective
        most = f"; its nine draw mostly on {bottom - top}×{right - left} pixels"
    return (
        f"Fired for {unit.fired:,} of {layer.images:,} images "
        f"({share(unit.fired, layer.images)}). Sees {sees(layer)}{most}.{few}"
    )


def map_size(layer: LayerData) -> str:
    """The size of a layer's feature maps."""
    height, width = layer.shape[1:]
    return f"{height}×{width}" if height * width > 1 else "no place"


ORDINALS = ("1st", "2nd", "3rd", *(f"{n}th" for n in range(4, 10)))


def winner(winner: Winner, rank: int) -> str:
    """One of the nine for those who can't see it: its rank, class and activation."""
    label = f", {winner.label}" if winner.label else ""
    return f"{ORDINALS[rank]} of nine{label}, activation {number(winner.value)}"


def plate(layer: LayerData, unit: Unit) -> str:
    """What a unit's plate shows, for those who can't see it."""
    what = "reconstructions and patches" if layer.plate.patches else "reconstructions"
    most = unit.commonest
    mostly = f", {most[1]} of {len(unit.nine)} {most[0]}" if most and most[1] > 1 else ""
    return f"{layer.layer}/{unit.unit}: {what}{mostly}"


def signed_share(share: float | None) -> str:
    """A share of the squared weights between two units, with their sign."""
    if share is None:
        return "passed on"
    return f"{'−' if share < 0 else '+'}{abs(100 * share):.1f} %"


def correlation(value: float | None) -> str:
    """How nearly two units go together."""
    return f"r = {value:.2f}" if value is not None else ""


def percent(value: float) -> str:
    """A percentile's name."""
    return f"{value:g} %" if value else "least"


def signed(value: float) -> str:
    """A number between -1 and 1, with two decimals."""
    return f"{value:.2f}".replace("-", "−")


def concepts(atlas: AtlasData, layer: LayerData) -> str:
    """How many units of a layer are named for something, and for how many things."""
    if not are_compared(atlas, layer):
        return ""
    named = [unit.concepts[0][0] for unit in layer.top if unit.concepts]
    many = len(set(named))
    things = "one concept" if many == 1 else f"{many} concepts"
    found = (
        f"{len(named)} of {len(layer.top)} units overlap with {things} by more than chance"
        if named
        else "No unit overlaps with a concept by more than chance"
    )
    return f"{found}, of {compared_with(atlas)}."


def are_compared(atlas: AtlasData, layer: LayerData) -> bool:
    """Whether a layer's units have places, and there were masks to compare them with."""
    return bool(atlas.concepts) and layer.shape[1:] != (1, 1)


def compared_with(atlas: AtlasData) -> str:
    """What units were compared with, if there were masks."""
    if not atlas.concepts:
        return ""
    return (
        f"{len(atlas.concepts['names'])} that were looked for in {atlas.concepts['images']:,} "
        f"images: {atlas.concepts['description']}"
    )


def outside(unit: Unit) -> str:
    """How much of the nine's boxes can't reach the activation, where it is worth a word."""
    mean = unit.outside or 0.0
    return f"{100 * mean:.0f} % of their boxes lie outside the image." if mean >= 0.01 else ""


def agreement(atlas: AtlasData, unit: Unit) -> str:
    """How likely it is that images drawn at random agree as well on some class."""
    most = unit.commonest
    if not most or len(unit.nine) < 2:
        return ""
    chance = chance_of(tuple(atlas.images["class_sizes"]), len(unit.nine), most[1])
    if chance > 0.05:
        return f"So many agree by chance in {share(round(1e6 * chance), 10**6)} of random draws."
    size = "one in a million" if chance < 1e-6 else f"{chance:.1g}"
    return f"Chance of so many by luck: {'below ' if chance < 1e-6 else ''}{size}."


@functools.cache
def chance_of(sizes: tuple[int, ...], drawn: int, agreeing: int) -> float:
    """The chance that of some images drawn without replacement so many have one class.

    Exact: one less the share of the draws in which every class has fewer.
    """
    fewer = [1] + [0] * drawn  # ways to draw so many images with no class agreeing
    for size, times in Counter(sizes).items():
        ways = [math.comb(size, n) for n in range(min(agreeing, drawn + 1))]
        for _ in range(times):
            fewer = [
                sum(ways[n] * fewer[total - n] for n in range(min(len(ways), total + 1)))
                for total in range(drawn + 1)
            ]
    every = math.comb(sum(sizes), drawn)
    return float(Fraction(every - fewer[drawn], every)) if every else 1.0


def silent(layer: LayerData, unit: Unit) -> str:
    """How many images did not activate a unit."""
    silent = layer.images - unit.fired
    return f"{silent:,} of {layer.images:,} images did not activate it at all." if silent else ""


def provenance(atlas: AtlasData) -> str:
    """What an atlas was made from, by the first digits of their SHA-256."""
    weights, images = atlas.network["weights_hash"][:12], atlas.images["hash"][:12]
    height, width = atlas.preprocessing["crop"]
    return f"weights {weights}, images {images}, {height}×{width} pixels, CNN Atlas {atlas.program}"


def credit(atlas: AtlasData) -> str:
    """Whose the images are, and under which licence."""
    images = atlas.images
    return ". ".join(images[key].rstrip(".") for key in ("credit", "licence") if images.get(key))


def bibtex(atlas: AtlasData, about: SiteInfo, name: str, address: str) -> str:
    """An entry for an atlas, or for a layer or unit of it."""
    what = f"{name} of {atlas.network['name']}" if name else f"An atlas of {atlas.network['name']}"
    key = "-".join(part for part in (atlas.name, name.replace("/", "-").replace(".", "-")) if part)
    lines = [
        f"@misc{{{key},",
        f"  title = {{{what}, as {atlas.images['description']} activate it}},",
    ]
    if about.author:
        lines.append(f"  author = {{{about.author}}},")
    if atlas.date:
        lines.append(f"  year = {{{atlas.date[:4]}}},")
    lines.append(f"  howpublished = {{{about.title}, made with CNN Atlas {atlas.program}}},")
    lines.append(f"  url = {{{about.url(address)}}},")
    return "\n".join([*lines, "}"])


RULES = {
    "deconvnet": "Zeiler & Fergus 2013, section 2.1",
    "guided": "guided backpropagation, Springenberg et al. 2015",
    "gradient": "the gradient times the activation, Simonyan et al. 2014",
}


def rule(atlas: AtlasData) -> str:
    """How reconstructions were made, and what in that goes beyond the paper."""
    beyond = f"; extended to {', '.join(atlas.extensions)}" if atlas.extensions else ""
    return f"{atlas.rule} ({RULES[atlas.rule]}){beyond}"


def image_free(atlas: AtlasData, layer: str) -> str:
    """What is to be said where nothing of the image but the activation enters reconstructions."""
    if not atlas.summary[atlas.layers.index(layer)].get("image_free"):
        return ""
    return (
        "No max pooling lies below this layer, and nothing else of the image enters on the way "
        "down: apart from its strength such a reconstruction follows from the unit and the "
        "position alone, whatever the image shows."
    )


def collapsed(atlas: AtlasData) -> str:
    """What was left out because it repeats another image."""
    images = atlas.images
    repeated = images["count"] - images["different"]
    if not repeated:
        return ""
    like = "have the same pixels as another"
    if images["near_duplicates"] is not None:
        like = (
            "have the same pixels as another, or a perceptual hash that differs in at most "
            f"{images['near_duplicates']} of 64 bits,"
        )
    return f"{repeated:,} of {images['count']:,} images {like} and count once with it."


def atlas_facts(atlas: AtlasData) -> str:
    """What was looked at through what."""
    units = sum(summary["units"] for summary in atlas.summary)
    return (
        f"{units:,} units in {len(atlas.layers)} layers of {atlas.network['name']}, "
        f"looked at through {atlas.images['description']}."
    )


def made(atlas: AtlasData) -> list[tuple[str, str]]:
    """How an atlas was made: (term, value)."""
    images, preprocessing = atlas.images, atlas.preprocessing
    height, width = preprocessing["crop"]
    resize = preprocessing["resize"]
    scaled = (
        f"shorter side to {resize} pixels ({preprocessing['interpolation']}), " if resize else ""
    )
    made = [
        ("Network", f"{atlas.network['name']}, {atlas.network['parameters']:,} parameters"),
        ("Weights", f"{atlas.network['weights']}; SHA-256 {atlas.network['weights_hash'][:16]}"),
        (
            "Images",
            f"{images['description']}; {images['count']:,} images, {images['classes']} classes; "
            + f"SHA-256 {images['hash'][:16]}",
        ),
        ("Preprocessing", f"{scaled}centre {height}×{width}"),
        ("Reconstructions", rule(atlas)),
        ("Program", f"CNN Atlas {atlas.program}"),
    ]
    if collapsed(atlas):
        made.insert(3, ("Repeats", collapsed(atlas)))
    if credit(atlas):
        made.insert(3, ("Credit", credit(atlas)))
    if not images["pictures"]:
        made.insert(3, ("Pictures", "the images may not be shown; their names and boxes are"))
    if atlas.network["missing"]:
        made.insert(2, ("Left out", f"no weights for {', '.join(atlas.network['missing'])}"))
    if atlas.command:
        made.append(("Command", atlas.command))
    if atlas.date:
        made.append(("Date", atlas.date))
    return made
