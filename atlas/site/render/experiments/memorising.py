"""The page on the network that learnt permuted labels by heart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.experiments.memorising import (
    MEMORISING,
    LayerLikeness,
    Likeness,
    Match,
    Memorising,
    plate_file,
)
from atlas.data.records import Pair
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.charts import Axis, Chart, Line, chart
from atlas.site.render.experiments.page import Cell, Found, Table, experiment_page, unit_cell
from atlas.site.render.experiments.words import decimal
from atlas.site.render.pictures import Card, card
from atlas.site.render.view import AtlasView

ALIKE = 0.5  # from here on two units count as alike
FITTED = 0.99  # of its training pictures: from here on a network knows them by heart

ABOUT = (
    "A network with enough weights can learn any labels, even random ones. That it fits its "
    "training images says nothing about what it understood. The other network has the same layers "
    "and saw pictures of the same world, but each with the label of another one.",
    "Units of two networks have no order in common. They are matched one to one, so that the "
    "correlations of their activations, at the same places of the same images, add up to the most "
    "(Li, Yosinski, Clune, Lipson & Hopcroft 2016, “Convergent learning”).",
    "CKA compares layers as wholes, without matching units: 1 where one layer is the other rotated "
    "and scaled, 0 where they have nothing in common (Kornblith, Norouzi, Lee & Hinton 2019). "
    "Where few directions carry most of the activation, as brightness does, it is high for that "
    "alone.",
    "Two baselines are drawn as well. For one, each network looks at other images; the "
    "best match of many finds some likeness even there. For the other, the network is compared "
    "with one that was never trained, its weights being random: what it has in common with that "
    "comes from the architecture and the images. There is one network of each kind: how alike two "
    "networks are that were both taught the truth was not measured.",
)


@dataclass(frozen=True)
class OtherCard:
    """A unit of the other network: its plate, and what it is called."""

    source: str
    size: Pair
    title: str
    alt: str


@dataclass(frozen=True)
class ShownPair:
    """Two matched units side by side, and how alike they are."""

    said: str
    own: Card
    other: OtherCard


@dataclass(frozen=True)
class ShownLayer:
    """Pairs of a layer: the most alike, and the least."""

    layer: Anchor
    most: tuple[ShownPair, ...]
    least: tuple[ShownPair, ...]


@dataclass(frozen=True)
class MemorisingContent:
    """What the page shows: accuracies, two charts with their figures, and pairs of units."""

    accuracies: Table
    matched: Chart
    cka: Chart
    likeness: Table
    shown: tuple[ShownLayer, ...]
    pairs: tuple[Table, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML)."""

    def found(result: Memorising, page: PageAddress) -> Found:
        done = (
            f"It was trained with “{result.command}” on {result.trained_on:,} pictures, "
            f"{result.epochs} times each. Activations are compared on {result.images:,} images "
            f"that neither was trained on, at up to {result.places} places of each map, spread "
            "evenly."
        )
        return Found(findings(result), (*ABOUT, done), _content(view, result, page))

    yield from experiment_page(view, MEMORISING, found, template="memorising.html")


def findings(result: Memorising) -> tuple[str, ...]:
    """What the figures say, in sentences."""
    of, first, last = result.accuracies, result.layers[0], _last(result)
    short = (
        f", less than the {_percent(FITTED)} that count as knowing them by heart"
        if of.learnt < FITTED
        else ""
    )
    sentences = [
        f"Taught permuted labels, the network gives {_percent(of.learnt)} of its training pictures "
        f"the label that it was taught{short}. Of fresh pictures it gets {_percent(of.fresh)} "
        f"right, and guessing finds {_percent(1 / max(1, result.classes))}.",
        f"Taught the truth, it gets {_percent(of.network)} of the pictures here right; taught "
        f"permuted labels, {_percent(of.heart)}.",
        _said(first),
    ]
    if last is not first:
        sentences.append(_said(last))
        before, after = _above(first), _above(last)
        way = f"from {before:.2f} in {first.layer} to {after:.2f} in {last.layer}".replace("-", "−")
        sentences.append(
            f"What the two have in common is at the bottom: likeness above that to an untrained "
            f"network falls {way}."
            if before > after
            else "The two don't drift apart on the way up, as one would expect: likeness above "
            f"that to an untrained network goes {way}."
        )
    return (*sentences, *_farther(result.layers))


def _farther(layers: Sequence[LayerLikeness]) -> tuple[str, ...]:
    """A sentence on the layers that CKA puts farther away than untrained ones, if there are any."""
    own = [one for one in layers if one.heart.cka < one.untrained.cka]
    if not own:
        return ()
    every = f"all {len(layers)}" if len(own) == len(layers) else f"{len(own)} of {len(layers)}"
    ends = [own[0], own[-1]] if len(own) > 1 else own
    figures = "; ".join(
        f"{one.heart.cka:.2f} against {one.untrained.cka:.2f} in {one.layer}" for one in ends
    )
    return (
        "By CKA, which compares layers as wholes, the network that memorised is less like "
        f"this one than a network with random weights is, in {every} layers: {figures}. The "
        "two measures disagree, so what both trainings have in common isn't settled here.",
    )


def _last(result: Memorising) -> LayerLikeness:
    """The last layer whose units the page shows; the last of all where it shows none."""
    shown = [one for one in result.layers if one.shown]
    return (shown or result.layers)[-1]


def _above(one: LayerLikeness) -> float:
    """How much more alike two trained networks are than a trained and an untrained one."""
    return one.heart.matched - one.untrained.matched


def _said(one: LayerLikeness) -> str:
    alike = sum(pair.correlation >= ALIKE for pair in one.pairs)
    return (
        f"In {one.layer} matched units correlate at {one.heart.matched:.2f} on average, with those "
        f"of an untrained network at {one.untrained.matched:.2f}; {alike} of {len(one.pairs)} have "
        f"a match above {ALIKE:g}."
    )


def _content(view: AtlasView, result: Memorising, page: PageAddress) -> MemorisingContent:
    of = result.accuracies
    accuracies = Table(
        "Accuracies",
        (
            "network",
            "training pictures, labels as taught",
            "fresh pictures",
            "pictures of this atlas",
        ),
        (
            (Cell("taught the truth"), Cell("–"), Cell("–"), Cell(_percent(of.network))),
            (Cell("memorised"), *map(Cell, map(_percent, (of.learnt, of.fresh, of.heart)))),
        ),
    )
    return MemorisingContent(
        accuracies,
        _chart(result, "Mean correlation of matched units", lambda one: one.matched),
        _chart(result, "Linear CKA", lambda one: one.cka),
        _likeness(result),
        tuple(_shown(view, one, page) for one in result.layers if one.shown),
        tuple(_pairs(view, one, page) for one in result.layers),
    )


def _chart(result: Memorising, title: str, of: Callable[[Likeness], float]) -> Chart:
    layers = result.layers
    return chart(
        f"{title} by layer: {', '.join(one.layer for one in layers)}",
        x=Axis("", 1, max(2, len(layers)), tuple(range(1, len(layers) + 1)),
               tuple(one.layer for one in layers)),
        y=Axis(title, 0, 1),
        lines=[
            Line("memorised", [(n, of(one.heart)) for n, one in enumerate(layers, 1)]),
            Line("untrained", [(n, of(one.untrained)) for n, one in enumerate(layers, 1)], True),
            Line("other images", [(n, of(one.shuffled)) for n, one in enumerate(layers, 1)], True),
        ],
    )  # fmt: skip


def _likeness(result: Memorising) -> Table:
    return Table(
        "The same in figures",
        ("layer", "matched", "untrained", "other images", "CKA", "CKA untrained",
         "CKA other images"),
        tuple(
            (
                Cell(one.layer),
                *(Cell(f"{value:.2f}") for value in (
                    one.heart.matched, one.untrained.matched, one.shuffled.matched,
                    one.heart.cka, one.untrained.cka, one.shuffled.cka,
                )),
            )
            for one in result.layers
        ),
    )  # fmt: skip


def _shown(view: AtlasView, one: LayerLikeness, page: PageAddress) -> ShownLayer:
    half = len(one.shown) // 2
    pairs = [_pair(view, one, match, page) for match in one.shown]
    return ShownLayer(
        Anchor(one.layer, view.link(addresses.layer_page(one.layer), page)),
        tuple(pairs[:half]),
        tuple(pairs[half:]),
    )


def _pair(view: AtlasView, one: LayerLikeness, match: Match, page: PageAddress) -> ShownPair:
    layer = view.layers[one.layer]
    assert one.plate is not None
    title = f"by heart, {one.layer}/{match.other}"
    return ShownPair(
        decimal(match.correlation),
        card(view, layer, layer.unit(match.unit), page=page),
        OtherCard(
            view.link(plate_file(one.layer, match.other), page),
            one.plate.size,
            title,
            f"The nine of unit {match.other} of {one.layer} of the network that memorised",
        ),
    )


def _pairs(view: AtlasView, one: LayerLikeness, page: PageAddress) -> Table:
    ordered = sorted(one.pairs, key=lambda pair: (-pair.correlation, pair.unit))
    return Table(
        f"All pairs of {one.layer}",
        ("unit", "its match", "correlation"),
        tuple(
            (
                unit_cell(view, one.layer, pair.unit, page),
                Cell(str(pair.other)),
                Cell(decimal(pair.correlation)),
            )
            for pair in ordered
        ),
    )


def _percent(share: float) -> str:
    return f"{share * 100:.{0 if share in (0, 1) or 0.1 < share < 0.99 else 1}f} %"
