"""The page on images under a grey square."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from atlas.data import addresses
from atlas.data.experiments.occlusion import (
    MOST,
    OCCLUSION,
    Grid,
    Occluded,
    Occlusion,
    Square,
    reconstruction_picture,
    stimulus_picture,
)
from atlas.data.experiments.outcomes import picture_file
from atlas.data.records import Pair
from atlas.site import phrases
from atlas.site.phrases import percent
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.experiments.page import Cell, Found, Table, experiment_page, unit_cell
from atlas.site.render.experiments.words import decimal
from atlas.site.render.heat_maps import HeatMap, border_path, class_map, heat_map
from atlas.site.render.view import CLASSES, AtlasView

NAME = "occlusion"
LEAST = 0.01  # a loss of probability below this is said not to matter
TOGETHER = 0.3  # from this correlation on, losses and reconstruction are said to lie together


@dataclass(frozen=True)
class Spread:
    """A figure at all places of the square, against that of the whole image.

    ``whole`` is that of the whole image, ``lowest`` the lowest one, at ``place``. ``inside`` and
    ``outside`` are the mean losses where the square's middle lies on the object and elsewhere.
    """

    whole: float
    lowest: float
    place: Pair
    inside: float | None
    outside: float | None


@dataclass(frozen=True)
class Plate:
    """The nine of the strongest map's unit, from its plate."""

    source: str
    size: Pair
    alt: str


@dataclass(frozen=True)
class OccludedImage:
    """What the page shows of one image; ``source`` is "" where it may not be shown.

    ``side`` is that of the square, which the image shows where it does most harm, ``mark``.
    """

    title: str
    page: str
    said: str
    size: Pair
    source: str
    mark: tuple[int, int, int, int]
    outline: str
    object: str
    unit: Cell
    activation: HeatMap
    reconstruction: str
    plate: Plate | None
    watched: Anchor
    own: bool
    probability: HeatMap | None
    best: HeatMap | None


@dataclass(frozen=True)
class OcclusionContent:
    """What the page shows: images, and all figures in a table."""

    images: tuple[OccludedImage, ...]
    unscored: bool
    table: Table


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML)."""

    def found(result: Occlusion, page: PageAddress) -> Found:
        return Found(findings(result), about(result), _content(view, result, page))

    yield from experiment_page(view, OCCLUSION, found, template="occlusion.html")


def losses(one: Occluded) -> Grid:
    """The share of the map's sum that is lost at each place; below 0 where it grows."""
    whole = abs(one.whole) or 1.0
    return tuple(tuple((one.whole - value) / whole for value in row) for row in one.map)


def spread(whole: float, grid: Grid, lost: Grid, one: Occluded) -> Spread:
    """How a figure is spread over the places; ``lost`` is what each place loses of it."""
    lowest, place = min(
        (value, (row, column))
        for row, values in enumerate(grid)
        for column, value in enumerate(values)
    )
    if one.inside is None:
        return Spread(whole, lowest, place, None, None)
    pairs = list(zip(_flat(lost), _flat(one.inside), strict=True))
    inside = [value for value, on in pairs if on]
    outside = [value for value, on in pairs if not on]
    return Spread(
        whole,
        lowest,
        place,
        fmean(inside) if inside else None,
        fmean(outside) if outside else None,
    )


def of_activation(one: Occluded) -> Spread:
    """The sum of the strongest map; losses are shares of it."""
    return spread(one.whole, one.map, losses(one), one)


def of_probability(one: Occluded) -> Spread | None:
    """The probability of the class; None without scores."""
    if one.scored is None:
        return None
    scored = one.scored
    lost = tuple(tuple(scored.whole - value for value in row) for row in scored.map)
    return spread(scored.whole, scored.map, lost, one)


def together(one: Occluded) -> float | None:
    """How the loss of activation goes with what of the reconstruction is covered: Pearson's r."""
    lost, covered = list(_flat(losses(one))), list(_flat(one.covered))
    a, b = fmean(lost), fmean(covered)
    above = math.fsum((x - a) * (y - b) for x, y in zip(lost, covered, strict=True))
    below = math.sqrt(
        math.fsum((x - a) ** 2 for x in lost) * math.fsum((y - b) ** 2 for y in covered)
    )
    return above / below if below else None


def turned(one: Occluded) -> float | None:
    """The share of places where another class is the most probable; None without scores."""
    if one.scored is None:
        return None
    best = list(_flat(one.scored.best))
    return sum(each != one.scored.named for each in best) / len(best)


def _images(result: Occlusion) -> str:
    count = len(result.images)
    return "one image" if count == 1 else f"{count} images"


def findings(result: Occlusion) -> tuple[str, ...]:
    """What the figures say, in sentences."""
    sentences = []
    on, off = _means([of_probability(one) for one in result.images])
    if on is not None and off is not None:
        whose = (
            "its class"
            if all(one.subject.truth is not None for one in result.images)
            else "the class that the network names"
        )
        sentences.append(
            f"With the square on the object the probability of {whose} falls by "
            f"{decimal(100 * on, 0)} percentage points, with the square elsewhere by "
            f"{decimal(100 * off, 0)} (means of {_images(result)}): {_judged(on, off)}"
        )
    on, off = _means([of_activation(one) for one in result.images])
    if on is not None and off is not None:
        sentences.append(
            f"The strongest map of {result.layer} loses {percent(on)} of its activation with the "
            f"square on the object, and {percent(off)} with the square elsewhere (means of "
            f"{_images(result)})."
        )
    bonds = [r for one in result.images if (r := together(one)) is not None]
    if bonds:
        bond = fmean(bonds)
        where = "where the square covers what its reconstruction shows"
        agrees = (
            f"as in the paper, it suffers {where}"
            if bond >= TOGETHER
            else f"unlike in the paper, it hardly suffers more {where}"
        )
        sentences.append(
            f"What the map loses goes with what the square covers of its reconstruction by a "
            f"correlation of {decimal(bond)}: {agrees}."
        )
    for one in result.images:
        share = turned(one)
        if one.scored and share is not None:
            sentences.append(_answers(result, one, share))
    return tuple(sentences)


def _judged(on: float, off: float) -> str:
    """What losses of probability on the object and elsewhere mean."""
    if max(on, off) < LEAST:
        return "neither matters much."
    if on > 2 * max(off, 0.0):
        return "the network looks at the object."
    return "the surroundings count, too."


def _answers(result: Occlusion, one: Occluded, share: float) -> str:
    assert one.scored is not None
    name = result.classes[one.scored.named]
    if not share:
        return f"{one.subject.name} stays {_quoted(name)} wherever the square lies."
    others = Counter(each for row in one.scored.best for each in row if each != one.scored.named)
    most = min(others, key=lambda each: (-others[each], each))
    places = sum(map(len, one.scored.best))
    return (
        f"{one.subject.name} is no longer {_quoted(name)} at "
        f"{phrases.share(sum(others.values()), places)} of the places, and "
        f"then most often {_quoted(result.classes[most])}."
    )


def _quoted(name: str) -> str:
    return f"“{name}”"


def about(result: Occlusion) -> tuple[str, ...]:
    """What was done, and how to read it."""
    square, (rows, columns) = result.square, result.square.places
    colour = ", ".join(map(str, square.colour))
    scored = any(one.scored for one in result.images)
    masked = any(one.object for one in result.images)
    watched = (
        "The class is the image's own where the network knows it, and else the one that it names "
        "for the whole image. Probabilities are the softmax of the scores."
        if scored
        else "",
        "The object is where the masks say that the image's class is, or anything they know where "
        "none is called so."
        if masked
        else "",
        f"Of the images that --subjects names {MOST} are shown at most.",
    )
    return (
        f"A square of {square.side} × {square.side} pixels is laid on the image of "
        f"{square.frame[0]} × {square.frame[1]} at {rows} × {columns} places, "
        f"{square.stride} pixels apart, and the network looks at each of these pictures. Its "
        f"colour is the mean that the preprocessing subtracts (of 255 levels {colour}), so the "
        "network's input is zero there, but for half a level. A cell of a map says what happens "
        "with the square's middle in that cell; at the border a part of the square lies outside.",
        f"The map is that of {result.layer}, the last layer whose maps have more than one place, "
        "with the strongest single activation for the whole image. What is added up is all of the "
        "map. Its reconstruction is that of this single activation, as everywhere in this atlas.",
        " ".join(one for one in watched if one),
        "The square hides things, but its edges are something new to see, too: a loss doesn't "
        "prove that what was hidden was being looked at.",
    )


def _means(spreads: Iterable[Spread | None]) -> tuple[float | None, float | None]:
    """The means of the losses on objects and elsewhere, over the images that have both."""
    both = [
        (one.inside, one.outside)
        for one in spreads
        if one and one.inside is not None and one.outside is not None
    ]
    if not both:
        return None, None
    return fmean(on for on, _ in both), fmean(off for _, off in both)


def _content(view: AtlasView, result: Occlusion, page: PageAddress) -> OcclusionContent:
    images = tuple(_image(view, result, one, page) for one in result.images)
    heads = (
        "image", "class", "probability", "lowest", "lost on object", "elsewhere", "changes",
        "unit", "activation", "lowest", "lost on object", "elsewhere", "correlation",
    )  # fmt: skip
    rows = tuple(_row(view, result, one, page) for one in result.images)
    table = Table("These images in figures", heads, rows)
    return OcclusionContent(images, any(not one.scored for one in result.images), table)


def _row(view: AtlasView, result: Occlusion, one: Occluded, page: PageAddress) -> tuple[Cell, ...]:
    scores, sums, share = of_probability(one), of_activation(one), turned(one)
    figures = ("–",) * 6
    if one.scored and scores and share is not None:
        figures = (
            result.classes[one.scored.watched],
            decimal(scores.whole),
            decimal(scores.lowest),
            decimal(scores.inside),
            decimal(scores.outside),
            percent(share),
        )
    unit = unit_cell(view, result.layer, one.unit, page)
    more = (
        phrases.activation(sums.whole),
        phrases.activation(sums.lowest),
        "–" if sums.inside is None else percent(sums.inside),
        "–" if sums.outside is None else percent(sums.outside),
        decimal(together(one)),
    )
    name = Cell(one.subject.name, _image_page(view, one.subject.image, page))
    return (name, *map(Cell, figures), unit, *map(Cell, more))


def _image_page(view: AtlasView, image: int, page: PageAddress) -> str:
    """The page of an image, if it has one: that of an image among some unit's nine."""
    there = view.atlas.stimuli and (view.folder / addresses.image_file(image)).is_file()
    return view.link(addresses.image_page(image), page) if there else ""


def _image(view: AtlasView, result: Occlusion, one: Occluded, page: PageAddress) -> OccludedImage:
    square, subject, image = result.square, one.subject, one.subject.image
    size, cell = square.frame, square.stride
    sums, scores = of_activation(one), of_probability(one)
    worst = scores.place if scores else sums.place
    mark = square.box(*worst)
    outline = ""
    if one.inside is not None:
        outline = border_path(
            [[bool(on) for on in row] for row in one.inside], size=size, cell=cell
        )
    unit = unit_cell(view, result.layer, one.unit, page)
    probability = best = None
    watched = Anchor("", "")
    if one.scored and scores:
        name = result.classes[one.scored.watched]
        watched = view.label_anchor(CLASSES, name, page)
        probability = heat_map(
            f"Probability of {name} for each place of the square: {scores.whole:.2f} without it, "
            f"lowest, {scores.lowest:.2f}, {_at(square, scores.place)}",
            one.scored.map,
            size=size, cell=cell, ends=(0, 1), write=lambda value: f"{value:g}", outline=outline,
        )  # fmt: skip
        best = class_map(
            "The most probable class for each place of the square",
            one.scored.best,
            size=size, cell=cell, name=lambda each: result.classes[each], outline=outline,
        )  # fmt: skip
    low, high = (pick(one.whole, *map(pick, one.map)) for pick in (min, max))
    activation = heat_map(
        f"Activation of {unit.text} for each place of the square: "
        f"{phrases.activation(one.whole)} without it, lowest, "
        f"{phrases.activation(sums.lowest)}, {_at(square, sums.place)}",
        one.map,
        size=size, cell=cell, ends=(min(0.0, low), high), write=phrases.activation, outline=outline,
    )  # fmt: skip
    shown = view.atlas.pictures
    return OccludedImage(
        title=subject.name,
        page=_image_page(view, image, page),
        said=_said(result, one, sums, scores),
        size=size,
        source=view.link(picture_file(NAME, stimulus_picture(image)), page) if shown else "",
        mark=mark,
        outline=outline,
        object=one.object,
        unit=unit,
        activation=activation,
        reconstruction=view.link(picture_file(NAME, reconstruction_picture(image)), page),
        plate=_plate(view, result.layer, one.unit, page),
        watched=watched,
        own=subject.truth is not None,
        probability=probability,
        best=best,
    )


def _at(square: Square, place: Pair) -> str:
    row, column = square.centre(*place)
    return f"with its middle at row {row}, column {column}"


def _said(result: Occlusion, one: Occluded, sums: Spread, scores: Spread | None) -> str:
    """What becomes of an image, in a sentence or two."""
    parts = []
    if scores and one.scored:
        name = result.classes[one.scored.watched]
        parts.append(
            f"{_quoted(name)} has a probability of {_small(scores.whole)}, and of "
            f"{_small(scores.lowest)} "
            f"with the square's middle at row {result.square.centre(*scores.place)[0]}, column "
            f"{result.square.centre(*scores.place)[1]}."
        )
    lost = max(map(max, losses(one)))
    parts.append(f"At worst the map loses {percent(lost)} of its activation.")
    return " ".join(parts)


def _plate(view: AtlasView, layer: str, unit: int, page: PageAddress) -> Plate | None:
    data = view.layers.get(layer)
    known = data.find(unit) if data else None
    if data is None or known is None or not known.nine:
        return None
    source = view.link(addresses.plate_file(layer, unit), page)
    return Plate(source, data.plate.size, phrases.plate(data, known))


def _flat(grid: Sequence[Sequence[float]]) -> Iterator[float]:
    for row in grid:
        yield from row


def _small(probability: float) -> str:
    """A probability with two decimals, or two digits where those say nothing."""
    return f"{probability:.2f}" if probability >= 0.01 else f"{probability:.2g}"
