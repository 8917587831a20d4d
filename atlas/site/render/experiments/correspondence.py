"""The page on hiding the same part in several images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from atlas.data import addresses
from atlas.data.experiments.correspondence import (
    CORRESPONDENCE,
    Correspondence,
    Distances,
    Part,
    View,
)
from atlas.data.experiments.outcomes import picture_file
from atlas.data.records import Pair
from atlas.site.phrases import percent
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.charts import Axis
from atlas.site.render.experiments.page import Cell, Found, Table, experiment_page
from atlas.site.render.experiments.words import decimal
from atlas.site.render.intervals import Intervals, Mark, intervals
from atlas.site.render.view import CLASSES, CONCEPTS, AtlasView

NAME = "correspondence"
CLEAR = 2.0  # standard errors from which on a difference counts

PAPER = (
    "The paper found changes place by place more alike for dogs' eyes and noses in its layer 5 "
    "(Δ 0.067 to 0.079 against 0.107), and hardly so in its layer 7 (0.068 to 0.069 against 0.073)"
)


@dataclass(frozen=True)
class HiddenPart:
    """A strip of images with a part hidden."""

    source: str
    size: Pair
    alt: str
    concept: Anchor
    label: Anchor
    images: tuple[Anchor, ...]


@dataclass(frozen=True)
class CorrespondenceContent:
    """What the page shows: charts of the whole maps and of their sums, figures, and images."""

    placed: tuple[Intervals, ...]
    added: tuple[Intervals, ...]
    table: Table
    parts: tuple[HiddenPart, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML)."""

    def found(result: Correspondence, page: PageAddress) -> Found:
        return Found(findings(result), about(result), _content(view, result, page))

    yield from experiment_page(view, CORRESPONDENCE, found, template="correspondence.html")


def mean_and_error(each: Sequence[float]) -> tuple[float, float]:
    """The mean distance of all pairs, and its standard error, from each image's mean distance.

    The error is the jackknife's: how the mean changes as one image after another is left out.
    """
    count, mean = len(each), fmean(each)
    if count < 3:
        return mean, math.inf
    pairs = count * mean / 2  # of the sum over pairs, what count - 1 divides
    without = [(pairs - one) * 2 / (count - 2) for one in each]
    middle = fmean(without)
    spread = math.fsum((one - middle) ** 2 for one in without)
    return mean, math.sqrt((count - 1) / count * spread)


def advantage(one: Distances) -> tuple[float, float]:
    """By how much more alike changes are where the part is hidden, and the standard error."""
    return mean_and_error(
        [random - part for part, random in zip(one.part, one.random, strict=True)]
    )


def clear(result: Correspondence, view: int) -> tuple[int, int]:
    """In a view, for how many parts changes are clearly more alike, and clearly less."""
    both = [advantage(part.distances[view]) for part in result.parts]
    more = sum(mean > CLEAR * error for mean, error in both)
    return more, sum(mean < -CLEAR * error for mean, error in both)


def findings(result: Correspondence) -> tuple[str, ...]:
    """What the figures say, in sentences."""
    views = list(enumerate(result.views))
    placed = [one for one in views if not one[1].added]
    added = [one for one in views if one[1].added]
    last = next((one for one in placed if added and one[1].layer == added[-1][1].layer), placed[-1])
    sentences = []
    for number, view in added[-1:]:
        start = f"Wherever the part lies, with each map of {view.layer} added up"
        sentences.append(_judged(result, number, start))
    number, view = last
    sentences.append(_judged(result, number, f"Place by place in {view.layer}"))
    more, _ = clear(result, number)
    here = "so it is here" if 2 * more > len(result.parts) else "it is not so here"
    sentences.append(f"{PAPER}: {here}.")
    for number, view in (placed[0], placed[-1]):
        if view != last[1]:
            sentences.append(_judged(result, number, f"In the layer {view.layer}"))
    return tuple(dict.fromkeys(sentences))


def _judged(result: Correspondence, number: int, start: str) -> str:
    more, less = clear(result, number)
    part, random = _means(result, number)
    count = len(result.parts)
    against = f", and less alike for {less}" if less else ""
    return (
        f"{start}, hiding the same part changes features more alike than hiding random places for "
        f"{more or 'none'} of {count} {'part' if count == 1 else 'parts'}{against}: Δ is "
        f"{decimal(part, 3)} against {decimal(random, 3)}."
    )


def _means(result: Correspondence, view: int) -> tuple[float, float]:
    """The means over all parts, hidden and not."""
    some = [part.distances[view] for part in result.parts]
    return fmean(fmean(one.part) for one in some), fmean(fmean(one.random) for one in some)


def about(result: Correspondence) -> tuple[str, ...]:
    """What was done, and how to read it."""
    colour = ", ".join(map(str, result.colour))
    return (
        "In several images of a class the same part is hidden: what its mask covers and "
        f"{result.margin} pixels around it get the mean colour of the preprocessing (of 255 levels "
        f"{colour}). A layer's features change, and the signs of these changes are compared "
        "between each two images: Δ is the share of entries that differ, averaged over all pairs. "
        "Of an entry that doesn't change the sign is 0, which is alike where it is 0 in both: "
        "where little changes at all, Δ is small for that alone. A part lies where features are "
        "strong, a random place often where they are not, so place by place a part may do worse "
        "than chance for this reason, too.",
        f"For comparison the same shape lies at {result.draws} random places of each image that "
        "don't touch the part. If the network knows nothing of parts, both should do the same; Δ "
        "is lower for the part if hiding it does the same thing to all images.",
        "Errors are standard errors by the jackknife over images. A difference counts as clear "
        f"from {CLEAR:g} standard errors on; of forty parts with no difference at all one would "
        "seem clearly more alike by chance.",
        "Parts are those that at least four fifths of a class's images have, large ones first, "
        "where they are small enough to be hidden elsewhere as well. The paper compared five "
        "photographs of dogs that face the camera, by hand; where images show things at other "
        "places and sizes, features don't match place by place, and the sums of maps tell more. "
        "The paper has no such sums.",
    )


def _content(view: AtlasView, result: Correspondence, page: PageAddress) -> CorrespondenceContent:
    charts = [_chart(result, number, one) for number, one in enumerate(result.views)]
    return CorrespondenceContent(
        tuple(c for c, one in zip(charts, result.views, strict=True) if not one.added),
        tuple(c for c, one in zip(charts, result.views, strict=True) if one.added),
        _table(view, result, page),
        tuple(_hidden(view, result, part, page) for part in result.parts if part.picture),
    )


def _named(part: Part) -> str:
    return f"{part.concept}, {part.label}" if part.label else part.concept


def _chart(result: Correspondence, number: int, view: View) -> Intervals:
    rows, most = [], 0.0
    for part in result.parts:
        marks = []
        for kind, each in enumerate((part.distances[number].part, part.distances[number].random)):
            mean, error = mean_and_error(each)
            said = f"{'random places' if kind else part.concept}: {decimal(mean, 3)} ± "
            marks.append(Mark(mean, error, kind, said + decimal(error, 3)))
            most = max(most, mean + error)
        rows.append((_named(part), marks))
    part_mean, random_mean = _means(result, number)
    label = (
        f"{view.layer}{', maps added up' if view.added else ''}: mean distance of changes "
        f"{decimal(part_mean, 3)} for parts, {decimal(random_mean, 3)} for random places"
    )
    axis = Axis("Δ of signs", 0, most * 1.05 or 1.0)
    return intervals(view.layer, label, axis=axis, rows=rows)


def _table(view: AtlasView, result: Correspondence, page: PageAddress) -> Table:
    heads = ["part", "class", "images", "hidden"]
    for one in result.views:
        heads += [f"{one.layer}{', added up' if one.added else ''}", "random"]
    rows = []
    for part in result.parts:
        cells = [
            Cell(part.concept, view.label_link(CONCEPTS, part.concept, page)),
            Cell(part.label or "–", view.label_link(CLASSES, part.label, page)),
            Cell(str(len(part.images))),
            Cell(percent(part.hidden)),
        ]
        for each in part.distances:
            cells += [Cell(_written(each.part)), Cell(_written(each.random))]
        rows.append(tuple(cells))
    return Table("Δ with standard errors, in figures", tuple(heads), tuple(rows))


def _written(each: Sequence[float]) -> str:
    mean, error = mean_and_error(each)
    return f"{decimal(mean, 3)} ± {decimal(error, 3)}"


def _hidden(view: AtlasView, result: Correspondence, part: Part, page: PageAddress) -> HiddenPart:
    shown = part.images[: result.shown]
    height, width = result.tile
    return HiddenPart(
        view.link(picture_file(NAME, part.picture), page),
        (3 * height, len(shown) * width),
        f"{len(shown)} images, with {part.concept} hidden, and with the same shape elsewhere",
        view.label_anchor(CONCEPTS, part.concept, page),
        view.label_anchor(CLASSES, part.label, page) if part.label else Anchor("", ""),
        tuple(_image(view, image, page) for image in shown),
    )


def _image(view: AtlasView, image: int, page: PageAddress) -> Anchor:
    there = view.atlas.stimuli and (view.folder / addresses.image_file(image)).is_file()
    return Anchor(str(image), view.link(addresses.image_page(image), page) if there else "")
