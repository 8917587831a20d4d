"""Short pieces of English about numbers, layers and units, as pages show them: pure functions."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from atlas.data.records import AtlasData, LayerData, Unit, Winner
from atlas.data.rounding import significant
from atlas.site import atlas_phrases

ORDINALS = ("1st", "2nd", "3rd", *(f"{n}th" for n in range(4, 10)))


# Numbers


def activation(value: float) -> str:
    """An activation, with three significant digits."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def activations(values: Sequence[float]) -> tuple[str, ...]:
    """Activations that stand below each other: as many decimals as the largest has, each."""
    largest = max(map(abs, values), default=0.0)
    decimals = max(0, 2 - math.floor(math.log10(largest))) if largest else 0
    return tuple(f"{value:,.{decimals}f}" for value in values)


def share(part: int, whole: int) -> str:
    """A part of a whole in percent; 0 % and 100 % only where it is exactly none or all."""
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "under 1 %"
    if 99 < percent < 100:
        return "over 99 %"
    return f"{percent:.0f} %"


def weight_share(share: float | None) -> str:
    """A share of the squared weights between two units, with their sign; None for no weights."""
    if share is None:
        return "passed on"
    return f"{'−' if share < 0 else '+'}{abs(100 * share):.1f} %"


def correlation(value: float | None) -> str:
    """The correlation of two units."""
    return f"r = {value:.2f}" if value is not None else ""


def percentile(value: float) -> str:
    """The name of a percentile."""
    return f"{value:g} %" if value else "weakest"


def signed(value: float) -> str:
    """A number between -1 and 1, with two decimals."""
    return minus(f"{value:.2f}")


def percent(value: float) -> str:
    """A share in percent, without decimals."""
    return minus(f"{100 * value:.0f}") + " %"


def minus(text: str) -> str:
    """A number with a true minus sign, and none before nothing but zeros."""
    return text.replace("-", "−" if any(digit in text for digit in "123456789") else "")


# Layers


def field_size(layer: LayerData) -> str:
    """How much of the image one activation of a layer sees."""
    height, width = layer.receptive_field.size
    if layer.receptive_field.stride == (0, 0):
        return "the whole image"
    gated = ", and the whole image through its gates" if layer.true_field else ""
    return f"{height}×{width} pixels{gated}"


def units_of(atlas: AtlasData, layer: LayerData) -> str:
    """How many units a layer has; of the last one, whether each stands for a class."""
    units = "1 unit" if layer.units == 1 else f"{layer.units:,} units"
    is_scores = layer.kind == "linear" and layer.layer == atlas.layers[-1]
    return f"{units}, one per class" if is_scores and layer.units == atlas.images.classes else units


def layer_lead(atlas: AtlasData, layer: LayerData) -> str:
    """What a layer is."""
    height, width = layer.shape[1:]
    places = f" at {height}×{width} positions" if height * width > 1 else ""
    dead = (
        f" {layer.dead} of {'those' if len(layer.top) < layer.units else 'them'} "
        f"{'is' if layer.dead == 1 else 'are'} never active."
    )
    dead = dead if layer.dead else ""
    shown = f" {len(layer.top)} of them are shown." if len(layer.top) < layer.units else ""
    module = "" if layer.module == layer.layer else f" ({layer.module})"
    kind = "a linear layer" if layer.kind == "linear" else f"a {layer.kind}"
    units = units_of(atlas, layer)
    what = "" if "," in units and "class" in units else f" of {kind}"
    return f"{units}{what}{module}{places}. Each looks at {field_size(layer)}.{shown}{dead}"


def layer_facts(atlas: AtlasData, layer: LayerData) -> tuple[str, ...]:
    """A layer in a few words, a line each."""
    height, width = layer.shape[1:]
    places = (f"at {height}×{width} positions",) if height * width > 1 else ()
    return (units_of(atlas, layer), *places, f"each looks at {field_size(layer)}")


def image_free(layer: LayerData) -> str:
    """A remark for layers whose reconstructions take nothing from the image but one activation."""
    if not layer.image_free:
        return ""
    return (
        "No max pooling lies below this layer, so nothing of the image enters on the way down: "
        "these reconstructions follow from the unit and the position alone, whatever the image "
        "shows."
    )


def close_ups(layer: LayerData) -> str:
    """A remark for layers whose tiles are close-ups."""
    if not layer.close_up:
        return ""
    return (
        "The tiles are close-ups: squares of one size for each unit, placed where its "
        "reconstructions are strong."
    )


def concepts_lead(atlas: AtlasData, layer: LayerData) -> str:
    """How many units of a layer overlap with concepts; "" if nothing was compared."""
    if not are_compared(atlas, layer):
        return ""
    named = [unit for unit in layer.top if unit.concepts]
    many = len({name for unit in named for name, _ in unit.concepts})
    concepts = "one concept" if many == 1 else f"{many} concepts"
    lead = (
        f"{len(named)} of {len(layer.top)} units overlap with {concepts} more than by chance"
        if named
        else "No unit overlaps with a concept more than by chance"
    )
    return f"{lead}, of {atlas_phrases.compared_with(atlas)}."


def are_compared(atlas: AtlasData, layer: LayerData) -> bool:
    """Whether there were masks to compare the layer's units with, and its maps have positions."""
    return bool(atlas.concepts) and layer.shape[1:] != (1, 1)


# Units


@dataclass(frozen=True)
class Label:
    """What a unit is best called: a class or a concept, and how much speaks for it."""

    name: str
    support: str


def best_label(unit: Unit) -> Label | None:
    """The class that more than half of a unit's nine have, or else the concept it overlaps with."""
    most = unit.commonest
    if most and 2 * most[1] > len(unit.nine) > 1:
        return Label(named(most[0]), f"{most[1]} of {len(unit.nine)}")
    if unit.concepts:
        name, overlap = unit.concepts[0]
        return Label(named(name), f"IoU {overlap:.2f}")
    return None


def named(label: str) -> str:
    """A class's or concept's name among other words; one that is a number says what it is."""
    return label if any(map(str.isalpha, label)) else f"class {label}"


def unit_description(
    atlas: AtlasData, layer: LayerData, unit: Unit, label: Label | None = None
) -> str:
    """A unit in a sentence, as search engines and link previews show it; with its best label."""
    seems = f" Best label: {label.name}, {label.support}." if label else ""
    name = f"unit {unit.unit} of {layer.layer} of {atlas.name}"
    return f"The image patches that excite {name} most.{seems}"


def unit_lead(layer: LayerData, unit: Unit) -> str:
    """How often a unit is active, and how much of the image it looks at."""
    if not unit.fired:
        return f"No image of {layer.images:,} activates this unit."
    several = "one image activates" if len(unit.nine) == 1 else f"{len(unit.nine)} images activate"
    few = f" Only {several} it." if len(unit.nine) < 9 else ""
    return (
        f"Active in {share(unit.fired, layer.images)} of images. "
        f"Looks at {field_size(layer)}{_mostly(layer, unit)}.{few}"
    )


def _mostly(layer: LayerData, unit: Unit) -> str:
    """The part of its field that a unit draws on; "" where that is all of it."""
    size = layer.receptive_field.size
    if not unit.effective or size == (1, 1):
        return ""
    top, left, bottom, right = unit.effective
    height, width = bottom - top, right - left
    if (height, width) == size:
        return ""
    off = max(abs(top + bottom - size[0]) / size[0], abs(left + right - size[1]) / size[1])
    return f", mostly {'the middle' if off < 0.2 else 'a part of'} {height}×{width}"


def winner(winner: Winner, rank: int) -> str:
    """One of the nine in words, where its patch may not be shown: rank, class and activation."""
    label = f", {winner.label}" if winner.label else ""
    return f"{place(rank)}{label}, activation {activation(winner.value)}"


def place(rank: int) -> str:
    """The place of one of the nine, for readers who can't see where it stands."""
    return f"{ORDINALS[rank]} of nine"


def where(winner: Winner, layer: LayerData) -> str:
    """A winner's image, and its position in the feature map, for those who look it up."""
    if layer.shape[1:] == (1, 1):
        return winner.file
    return f"{winner.file}, row {winner.position[0]}, column {winner.position[1]}"


def plate(layer: LayerData, unit: Unit, label: str = "") -> str:
    """A unit's plate in words, for readers who can't see it; ``label`` is people's own name."""
    shown = "reconstructions and patches" if layer.plate.patches else "reconstructions"
    most = unit.commonest
    mostly = f", {most[1]} of {len(unit.nine)} {most[0]}" if most and most[1] > 1 else ""
    return f"{layer.layer}/{unit.unit}{label and f' {label}'}: {shown}{mostly}"


def quoted(label: str) -> str:
    """People's own name for a unit, as it stands beside the address; "" for none."""
    return f"“{label}”" if label else ""


def tiles(unit: Unit) -> str:
    """What the tiles of a unit that fired show: close-ups, or the paper's crops."""
    box = unit.nine[0].close_box
    if box is None:
        return "The tiles show all that the unit sees, as the paper's do."
    return (
        f"The tiles are close-ups of {box[2] - box[0]}×{box[3] - box[1]} pixels, placed where each "
        "reconstruction is strong; the paper's show all that the unit sees."
    )


def boxes(units: Iterable[Unit]) -> str:
    """What the boxes mean that are drawn on whole images for winners of some units."""
    some = list(units)
    winners = [winner for unit in some for winner in unit.nine]
    parts = ["the box is all that the unit sees"]
    if any(winner.reach != winner.box for winner in winners):
        parts[0] += " (darkened is what can't reach the activation)"
    if any(unit.effective for unit in some):
        parts.append("the dashed one what it mostly looks at")
    if any(winner.close_box for winner in winners):
        parts.append("the yellow one the close-up that the tile shows")
    return ", ".join(parts)


def outside(unit: Unit) -> str:
    """How much of the nine's boxes can't reach the activation; "" below one percent."""
    mean = unit.outside or 0.0
    return f"{100 * mean:.0f} % of the boxes lie outside the image." if mean >= 0.01 else ""


def without_activation(layer: LayerData, unit: Unit) -> str:
    """How many images did not activate a unit."""
    count = layer.images - unit.fired
    return f"{count:,} of {layer.images:,} images don't excite it at all." if count else ""


def agreement(atlas: AtlasData, unit: Unit) -> str:
    """How likely it is that images drawn at random agree as well on some class as the nine do."""
    most = unit.commonest
    if not most or len(unit.nine) < 2:
        return ""
    chance = chance_of(atlas.images.class_sizes, len(unit.nine), most[1])
    if chance > 0.05:
        often = share(round(1e6 * chance), 10**6)
        return f"So many agree by chance in {often} of random draws."
    often = f"{significant(1 / chance, 2):,.0f}" if chance > 1e-6 else "more than a million"
    return f"So many would agree by chance in 1 of {often} random draws."


@functools.cache
def chance_of(sizes: tuple[int, ...], drawn: int, agreeing: int) -> float:
    """The chance that ``agreeing`` of ``drawn`` images have one class, drawn without replacement.

    ``sizes`` are the numbers of images in the classes. Exact: one minus the share of the draws in
    which every class has fewer.
    """
    fewer = [1] + [0] * drawn  # by n: the ways to draw n images with no class agreeing
    for size, times in Counter(sizes).items():
        ways = [math.comb(size, n) for n in range(min(agreeing, drawn + 1))]
        for _ in range(times):
            fewer = [
                sum(ways[n] * fewer[total - n] for n in range(min(len(ways), total + 1)))
                for total in range(drawn + 1)
            ]
    every = math.comb(sum(sizes), drawn)
    return float(Fraction(every - fewer[drawn], every)) if every else 1.0
