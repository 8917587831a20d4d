"""How many bytes each part of an atlas will take, before anything is computed.

The figures were fitted to atlases of the demo network, SqueezeNet 1.1 and ResNet-50
(``benchmarks/sizes.py`` compares them with what an atlas holds). They say what is written, and
decide nothing that is computed.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

from atlas.data.live import LIVE_PICTURES
from atlas.data.plan import LayerPlan, Plan
from atlas.data.telling import ASKED

CRISP, LOSSLESS = 32, 16  # sides of boxes that are drawn pixel by pixel, and tried without loss
# by the side of the box: bytes of a plate without loss, and of what was tried, also without
PLATE_BY_SIDE = ((1, 300), (3, 600), (7, 2_800), (15, 10_800), (23, 20_500), (32, 35_000))
SMALL_BY_SIDE = ((1, 300), (3, 600), (7, 2_800), (15, 8_800), (23, 9_000), (32, 8_000))
TRIED_BY_SIDE = ((1, 250), (3, 480), (7, 2_700), (15, 9_500), (16, 10_500))
STRIP_BY_SIDE = ((1, 1_300), (7, 2_300), (15, 5_500), (32, 7_000))
PLATE, SMALL_PLATE, TRIED, STRIP = 13_000, 10_700, 6_400, 7_000
CLOSE_PLATE, CLOSE_SMALL, CLOSE_TRIED, CLOSE_STRIP = 17_300, 13_000, 8_800, 8_800
ON_FIGURE = 6  # units of a layer


def between(side: float, known: Sequence[tuple[int, int]]) -> float:
    """A figure that is known at some sides, in order, taken linearly between them."""
    place = min(max(bisect_left(known, (side, 0)), 1), len(known) - 1)
    (low, less), (high, more) = known[place - 1], known[place]
    return less + (more - less) * (side - low) / (high - low)


def _pictured(
    layer: LayerPlan, crisp: int, by_side: Sequence[tuple[int, int]], usual: int, close: int
) -> float:
    """Bytes of a unit's picture: by the side of small boxes, else as usual, or as a close-up."""
    if layer.close_up:
        return close
    side = max(layer.size)
    return between(side, by_side) if side <= crisp else usual


def _of_units(plan: Plan, each: Callable[[LayerPlan], float]) -> int:
    return round(sum(layer.units * each(layer) for layer in plan.layers))


def records(plan: Plan) -> int:
    """The records of all units, shown or not; their statistics grow with the images."""
    each = 130 * math.log2(max(plan.images, 4)) - 110 if plan.evidence else 150
    return round(plan.scanned * each)


def nine(plan: Plan) -> int:
    """The winners' data."""
    return plan.units * 1_500


def connections(plan: Plan) -> int:
    """What units are made of and feed."""
    return plan.units * 520


def contributions(plan: Plan) -> int:
    """What units' pre-activations are sums of."""
    return plan.units * 270


def together(plan: Plan) -> int:
    """The units that fire together."""
    return plan.units * 140 if plan.evidence else 0


def close_ups(plan: Plan) -> int:
    """Where close-ups lie."""
    return _of_units(plan, lambda layer: 190 if layer.close_up else 0)


def reconstructions(plan: Plan) -> int:
    """Plates, what was tried, and the figures of both."""

    def each(layer: LayerPlan) -> float:
        plate = (
            _pictured(layer, CRISP, PLATE_BY_SIDE, PLATE, CLOSE_PLATE)
            if "sharp" in plan.kept
            else _pictured(layer, CRISP, SMALL_BY_SIDE, SMALL_PLATE, CLOSE_SMALL)
        )
        if not plan.evidence:
            return plate + 60
        tried = _pictured(layer, LOSSLESS, TRIED_BY_SIDE, TRIED, CLOSE_TRIED)
        return plate + 485 + (tried if "trials" in plan.kept else 0)

    patches = 1.0 if plan.pictures else 0.5
    return round(patches * _of_units(plan, each))


def beside(plan: Plan) -> int:
    """Plates by other rules, and the figures of each."""

    def each(layer: LayerPlan) -> float:
        plate = 0.25 * _pictured(layer, LOSSLESS, TRIED_BY_SIDE, TRIED, CLOSE_TRIED)
        figures = 450 if plan.evidence else 0
        return layer.beside * (figures + (plate if "rules" in plan.kept else 0))

    return _of_units(plan, each)


def examples(plan: Plan) -> int:
    """Weaker images: their data, and strips of their patches."""
    if not plan.evidence:
        return 0
    if "strips" not in plan.kept:
        return plan.units * 800
    strip = (
        _of_units(plan, lambda one: _pictured(one, CRISP, STRIP_BY_SIDE, STRIP, CLOSE_STRIP))
        if plan.pictures
        else 0
    )
    return strip + plan.units * 2_100


def winning(plan: Plan) -> float:
    """About how many different images are among the nine of any unit."""
    if not plan.images:
        return 0
    return plan.images * (1 - math.exp(-0.38 * (9 * plan.units / plan.images) ** 0.6))


def images(plan: Plan) -> int:
    """The whole images of the nine."""
    if not plan.pictures or "images" not in plan.kept:
        return 0
    return round(winning(plan) * 0.225 * plan.side[0] * plan.side[1])


def live(plan: Plan) -> int:
    """The network for the page that runs it: its steps, its numbers, and pictures as text."""
    if not plan.live:
        return 0
    pictures = min(LIVE_PICTURES, plan.images) if plan.pictures else 0
    return plan.live + 3_000 + round(pictures * 2.24 * plan.side[0] * plan.side[1])


def page_that_runs(plan: Plan) -> int:
    """The page that runs the network, and what it knows of the units."""
    return 9_700 + 130 * plan.units if plan.live else 0


def figures(plan: Plan) -> int:
    """Each layer's figure, as PNG and as SVG."""
    if "figures" not in plan.kept:
        return 0
    return sum(102_000 * min(ON_FIGURE, layer.units) for layer in plan.layers)


def thumbnails(plan: Plan) -> int:
    """Every plate at a third of its size."""
    return _of_units(plan, lambda layer: 3_700) if "small" in plan.kept else 0


def jpegs(plan: Plan) -> int:
    """Every plate as JPEG."""
    if "jpeg" not in plan.kept:
        return 0
    return _of_units(plan, lambda layer: 27_500 if max(layer.size) <= CRISP else 22_800)


def pages_of_units(plan: Plan) -> int:
    """Units' pages."""

    def each(depth: int, layer: LayerPlan) -> float:
        shown = layer.units / max(layer.scanned, layer.units)
        size = 15_000 if depth == 0 else 16_400 + 1_000 * shown
        size += 650 * (plan.classes + plan.concepts)
        if "circuits" in plan.kept and depth:
            size += 1_300 if depth == 1 else 1_400 + 1_700 * shown
        if plan.evidence:
            size += 2_660 if "trials" in plan.kept else 0
            size += 1_680 if "strips" in plan.kept else 0
        else:
            size -= 3_000
        return size + (540 + 8 * len(layer.name) if "image-pages" in plan.kept else 0)

    return round(sum(layer.units * each(depth, layer) for depth, layer in enumerate(plan.layers)))


def pages_of_layers(plan: Plan) -> int:
    """Layers' pages with all their plates, and what the script makes snippets of."""
    return sum(8_000 + 400 * layer.units for layer in plan.layers)


def overview(plan: Plan) -> int:
    """The atlas's own page, its facts, and its lists of addresses."""
    return 40_000 + 3_200 * len(plan.layers) + 180 * plan.units


def quizzes(plan: Plan) -> int:
    """Layers' quizzes."""
    if not (plan.names and plan.pictures and "quizzes" in plan.kept):
        return 0
    return sum(2_900 + 3_470 * min(ASKED, layer.units) for layer in plan.layers)


def cards(plan: Plan) -> int:
    """Units' cards."""
    return plan.units * 1_790 if "cards" in plan.kept else 0


def data_of_units(plan: Plan) -> int:
    """A JSON file for each unit."""
    if "unit-data" not in plan.kept:
        return 0
    return plan.units * (3_000 + (2_000 if "strips" in plan.kept and plan.evidence else 0))


def pages_of_images(plan: Plan) -> int:
    """The images' pages: each lists the units that it is among the nine of."""
    if "image-pages" not in plan.kept:
        return 0
    uses = sum(9 * layer.units * (640 + 4 * len(layer.name)) for layer in plan.layers)
    return round(2_300 * winning(plan) + uses)


def classes(plan: Plan) -> int:
    """The pages of classes."""
    return plan.units * 400 if plan.classes else 0


def concepts(plan: Plan) -> int:
    """The pages of concepts."""
    return plan.units * 600 if plan.concepts else 0


def rows_of_moments(plan: Plan) -> int:
    """The rows of units during training, on the units' pages."""
    return 2_900 * plan.units if plan.checkpoints else 0


def maps_of_units(plan: Plan) -> int:
    """The pages with maps of each layer's units."""
    return 250 * plan.units
