"""The page on how units come to be during training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from atlas.data import addresses
from atlas.data.experiments.evolution import EVOLUTION, Evolution, LayerEvolution
from atlas.drawing import pixels
from atlas.site.phrases import share
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.charts import Axis, Chart, Line, chart
from atlas.site.render.experiments.page import Cell, Found, Table, experiment_page
from atlas.site.render.training import Strip, names, strip_of, unit_of
from atlas.site.render.view import AtlasView

LINES = 8  # that a chart can tell apart by colour
NAMED = 6  # layers that a finding names for a moment
SETTLED = 0.8  # from this correlation with the end on, activations count as settled


@dataclass(frozen=True)
class FigureRow:
    """A unit's row in the figure."""

    unit: Anchor
    strip: Strip


@dataclass(frozen=True)
class FigureBlock:
    """A layer's block of the figure."""

    layer: Anchor
    crisp: bool
    rows: tuple[FigureRow, ...]


@dataclass(frozen=True)
class Curves:
    """A chart of all layers over the training: its heading, and what its figures are."""

    title: str
    said: str
    chart: Chart
    table: Table


@dataclass(frozen=True)
class EvolutionContent:
    """What the page shows: the figure, whose columns are ``moments``, and curves for each layer."""

    moments: tuple[str, ...]
    blocks: tuple[FigureBlock, ...]
    curves: tuple[Curves, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML)."""

    def found(result: Evolution, page: PageAddress) -> Found:
        return Found(findings(result), _about(result), _content(view, result, page))

    yield from experiment_page(view, EVOLUTION, found, template="evolution.html")


def findings(result: Evolution) -> tuple[str, ...]:
    """What the figures say, in sentences, and whether the paper says the same."""
    said = names(result)
    layers = [layer for layer in result.layers if layer.units]
    if not layers:
        return ("Nothing excites any unit at the end.",)
    units = sum(layer.units for layer in layers)
    first, late = (
        share(round(sum(layer.same[at] * layer.units for layer in layers)), units) for at in (0, -2)
    )
    when = [settles(layer) for layer in layers]
    sentences = [_settling(layers, when, said)]
    half = len(layers) // 2
    if half and fmean(when[:half]) < fmean(when[-half:]):
        sentences.append(
            "Lower layers settle before upper ones, as in the paper, which saw lower ones settle "
            "within a few epochs and upper ones only after many."
        )
    elif half:
        sentences.append(
            "The paper saw lower layers settle within a few epochs and upper ones only after many; "
            "here lower layers settle no sooner than upper ones."
        )
    sentences.append(
        f"The strongest image settles later: {first} of {units:,} units have their last one at "
        f"{said[0]}, and {late} at {said[-2]}."
    )
    return tuple(sentences)


def settles(layer: LayerEvolution) -> int:
    """The first moment from which on the layer's median correlation is at least ``SETTLED``."""
    last = len(layer.activations) - 1
    while last > 0 and layer.activations[last - 1] >= SETTLED:
        last -= 1
    return last


def _settling(layers: Sequence[LayerEvolution], when: Sequence[int], said: Sequence[str]) -> str:
    """Which layers have settled at which moment."""
    parts = []
    for moment, name in enumerate(said):
        own = [layer.layer for layer, at in zip(layers, when, strict=True) if at == moment]
        if own:
            more = f" and {len(own) - NAMED} more" if len(own) > NAMED else ""
            at = f"only at {name}" if moment == len(said) - 1 else f"at {name}"
            parts.append(f"in {', '.join(own[:NAMED])}{more} {at}")
    return f"Activations have settled {'; '.join(parts)}."


def _about(result: Evolution) -> tuple[str, ...]:
    looked = (
        f"{result.images:,} images, spread evenly over all {result.of:,}"
        if result.images < result.of
        else f"all {result.images:,} images"
    )
    paragraphs = [
        f"The network was run with the weights of each checkpoint on {looked}. Of each unit the "
        "strongest activation was projected down to pixels through the weights of that checkpoint, "
        "as everywhere in this atlas. The end is the atlas's own network, on the same images.",
        "Activations settle by correlation: each image's maximum then and at the end, over all "
        "images that were looked at. Of a layer the median unit counts; it has settled from "
        f"r = {SETTLED:g} on.",
        "Reconstructions are compared by the cosine of two pictures, from the same place of the "
        "same image, the unit's last strongest one; it is 0 where the unit is silent there. So a "
        "change of the image is no part of it.",
        "Sudden jumps in a row come from a change of the image, as in the paper. Several images "
        "may excite a unit almost alike, so its image can change late though it has settled.",
    ]
    if len(result.moments) < result.given:
        paragraphs.append(
            f"{len(result.moments)} of the {result.given} checkpoints given were looked at, spread "
            "evenly; one with the network's own weights is left out."
        )
    return tuple(paragraphs)


def _content(view: AtlasView, result: Evolution, page: PageAddress) -> EvolutionContent:
    said = names(result)
    layers = [layer for layer in result.layers if layer.units]
    blocks = []
    for layer in layers:
        rows, crisp = [], pixels.is_crisp(view.layers[layer.layer].shown)
        for number in layer.figure:
            of = unit_of(view, layer.layer, number)
            strip = strip_of(view, result, layer.layer, of, page) if of else None
            if strip:
                href = view.link(addresses.unit_page(layer.layer, number), page)
                rows.append(FigureRow(Anchor(f"{layer.layer}/{number}", href), strip))
        blocks.append(FigureBlock(_layer(view, layer, page), crisp, tuple(rows)))
    curves = [
        _curves(view, layers, said, page, title=title, axis=axis, of=of, about=about)
        for title, axis, of, about in (
            (
                "When activations settle",
                "correlation with the end",
                [layer.activations for layer in layers],
                "The median unit's activations then and at the end, over all images looked at.",
            ),
            (
                "When reconstructions settle",
                "likeness to the end",
                [layer.likeness for layer in layers],
                "The median unit's reconstructions then and at the end, from the same place of the "
                "same image.",
            ),
            (
                "When the strongest image settles",
                "share of units",
                [layer.same for layer in layers],
                "Units whose strongest image is already that of the end.",
            ),
        )
    ]
    return EvolutionContent(said, tuple(blocks), tuple(curves))


def _layer(view: AtlasView, layer: LayerEvolution, page: PageAddress) -> Anchor:
    return Anchor(layer.layer, view.link(addresses.layer_page(layer.layer), page))


def _curves(
    view: AtlasView,
    layers: Sequence[LayerEvolution],
    said: Sequence[str],
    page: PageAddress,
    *,
    title: str,
    axis: str,
    of: Sequence[Sequence[float]],
    about: str,
) -> Curves:
    count = min(LINES, len(layers))
    drawn = sorted({place * (len(layers) - 1) // max(1, count - 1) for place in range(count)})
    last = len(said) - 1
    lines = [Line(layers[n].layer, tuple(enumerate(of[n]))) for n in drawn]
    low = min(0.0, *(value for n in drawn for value in of[n]))
    picture = chart(
        f"{title}: {axis} of each layer from {said[0]} to {said[-1]}",
        x=Axis("", 0, last, tuple(range(last + 1)), tuple(said)),
        y=Axis(axis, low, 1),
        lines=lines,
    )
    left_out = (
        f" {len(drawn)} of {len(layers)} layers are drawn." if len(drawn) < len(layers) else ""
    )
    rows = tuple(
        (
            Cell(layer.layer, _layer(view, layer, page).href),
            *(Cell(f"{value:.2f}") for value in figures),
        )
        for layer, figures in zip(layers, of, strict=True)
    )
    table = Table(f"{title}, in figures", ("layer", *said), rows)
    return Curves(title, about + left_out, picture, table)
