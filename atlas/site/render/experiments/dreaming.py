"""The page of images that layers dreamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from atlas.data.experiments.dreaming import DREAMING, Dream, Dreaming
from atlas.data.experiments.outcomes import picture_file
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.experiments.page import Cell, Found, Table, experiment_page, unit_cell
from atlas.site.render.experiments.subjects import anchors, called
from atlas.site.render.view import AtlasView


@dataclass(frozen=True)
class ShownDream:
    """A picture with its height and width, what dreamed it, and the units that are in it."""

    source: str
    size: tuple[int, int]
    alt: str
    caption: str
    units: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class DreamerContent:
    """An image, and what became of it: the image first."""

    image: Anchor
    pictures: tuple[ShownDream, ...]


@dataclass(frozen=True)
class DreamingContent:
    """What the page shows."""

    subjects: tuple[DreamerContent, ...]
    table: Table


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML)."""

    def found(result: Dreaming, page: PageAddress) -> Found:
        return Found(findings(result), about(result), _content(view, result, page))

    yield from experiment_page(view, DREAMING, found, template="dreaming.html")


def findings(result: Dreaming) -> tuple[str, ...]:
    """What the figures say, in sentences."""
    rises = {
        layer: [
            dream.energy[1] / dream.energy[0]
            for one in result.subjects
            for dream in one.dreams
            if dream.layer == layer and dream.energy[0] > 0
        ]
        for layer in result.layers
    }
    known = [(layer, median(rise)) for layer, rise in rises.items() if rise]
    sentences = []
    if known:
        told = ", ".join(f"{layer} {_times(rise)}" for layer, rise in known)
        sentences.append(
            "The mean squared activation of a layer, dream against image, median over images: "
            f"{told}."
        )
    last = result.layers[-1]
    counts = Counter(
        unit.unit
        for one in result.subjects
        for dream in one.dreams
        if dream.layer == last
        for unit in dream.units
    )
    of = len(result.subjects)
    shared = sorted(unit for unit, count in counts.items() if count == of)
    if of > 1 and shared:
        units = ", ".join(f"{last}/{unit}" for unit in shared)
        verb = "is" if len(shared) == 1 else "are"
        sentences.append(
            f"{units} {verb} among the units that rise most in {last}’s dreams of "
            f"{'both' if of == 2 else f'all {of}'} images: a layer’s own habits show, whatever it "
            "looks at."
        )
    elif of > 1:
        sentences.append(
            f"No unit of {last} is among those that rise most in all {of} dreams: what is there "
            "decides what is painted in."
        )
    return tuple(sentences)


def about(result: Dreaming) -> tuple[str, ...]:
    """What was done, and how to read it."""
    sizes = ", ".join(f"{height}×{width}" for height, width in result.sizes)
    return (
        "Gradient ascent from the image itself: each step moves the pixels, by "
        f"{result.step:g} of 255 levels in the mean, in the direction in which the sum of the "
        f"layer’s squared activations grows. {result.steps} steps at each of the sizes {sizes} "
        "pixels; what was painted in at one size is enlarged with the image for the next. The "
        "network looks at tiles of its own input’s size, which are moved at random before each "
        "step.",
        "The pictures exaggerate whatever the layer answers to in this image, its strongest units "
        "most. They are made, not found: no network was trained on such pictures, and what it "
        "paints is no memory of a single image.",
        "The units named are those whose own mean squared activation rose most. The command "
        "“python build.py dream IMAGE --layer LAYER” makes such a picture of any image.",
    )


def _content(view: AtlasView, result: Dreaming, page: PageAddress) -> DreamingContent:
    subjects = [one.subject for one in result.subjects]
    names = called(subjects)
    linked = anchors(view, subjects, page)

    def source(file: str) -> str:
        return view.link(picture_file("dreaming", file), page)

    def dreamed(dream: Dream, name: str) -> ShownDream:
        units = tuple(unit_cell(view, dream.layer, one.unit, page) for one in dream.units)
        said = f"{name}, dreamed by {dream.layer}"
        return ShownDream(source(dream.picture), result.sizes[-1], said, dream.layer, units)

    shown = tuple(
        DreamerContent(
            image,
            (
                ShownDream(source(one.picture), result.sizes[0], f"{name}, the image", "the image"),
                *(dreamed(dream, name) for dream in one.dreams),
            ),
        )
        for one, image, name in zip(result.subjects, linked, names, strict=True)
    )
    rows = [
        (
            Cell(f"{name}, {dream.layer}"),
            Cell(f"{dream.energy[0]:.3g}"),
            Cell(f"{dream.energy[1]:.3g}"),
            Cell("; ".join(
                f"{unit.unit}: {unit.before:.3g} to {unit.after:.3g}" for unit in dream.units
            )),
        )
        for one, name in zip(result.subjects, names, strict=True)
        for dream in one.dreams
    ]  # fmt: skip
    heads = ("dream", "the image", "the dream", "units that rose most")
    return DreamingContent(shown, Table("Mean squared activations", heads, tuple(rows)))


def _times(factor: float) -> str:
    return f"×{factor:.0f}" if factor >= 9.95 else f"×{factor:.1f}"
