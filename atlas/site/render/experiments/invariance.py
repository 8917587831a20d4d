"""The page on moved, enlarged and turned images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation, fmean

from atlas.data.experiments.invariance import (
    INVARIANCE,
    ROTATION,
    SCALE,
    TRANSLATION,
    Features,
    Invariance,
    Transformation,
)
from atlas.data.experiments.outcomes import picture_file
from atlas.site.phrases import percent
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.charts import Axis, Chart, Line, chart
from atlas.site.render.experiments.drawn import Drawn, drawn
from atlas.site.render.experiments.page import Cell, Found, Table, experiment_page
from atlas.site.render.experiments.subjects import anchors, called
from atlas.site.render.view import AtlasView

LINEAR = 0.9  # R² from which on a curve counts as nearly a line
STABLE = 0.75  # share of transformed images whose class is kept, from which on it counts as stable

TITLES = {TRANSLATION: "Moved up and down", SCALE: "Enlarged", ROTATION: "Turned"}
AXES = {
    TRANSLATION: "pixels downwards",
    SCALE: "times as large",
    ROTATION: "degrees, anticlockwise",
}


@dataclass(frozen=True)
class LegendEntry:
    """A subject in the legend: its line's colour, its picture if it may be shown, what it is."""

    kind: int
    picture: Drawn | None
    image: Anchor
    note: str


@dataclass(frozen=True)
class TransformationContent:
    """What the page shows of a transformation; no ``film`` where images may not be shown."""

    title: str
    film: Drawn | None
    film_says: str
    frames: tuple[str, ...]
    charts: tuple[Chart, ...]
    table: Table


@dataclass(frozen=True)
class InvarianceContent:
    """What the page shows: the images, and each transformation of them."""

    legend: tuple[LegendEntry, ...]
    unit: str
    without_scores: bool
    transformations: tuple[TransformationContent, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML)."""

    def found(result: Invariance, page: PageAddress) -> Found:
        return Found(findings(result), about(result), _content(view, result, page))

    yield from experiment_page(view, INVARIANCE, found, template="invariance.html")


# What the figures say


def findings(result: Invariance) -> tuple[str, ...]:
    """What the figures say, in sentences, and whether the paper says so, too."""
    first, last = result.first.layer, result.last.layer
    by_name = {one.name: one for one in result.transformations}
    moved = by_name[TRANSLATION]
    least = min(abs(amount) for amount in moved.amounts if amount)
    early = [
        _mean_at(moved, least, layer) / (of.another or 1)
        for layer, of in (("first", result.first), ("last", result.last))
    ]
    agrees = early[0] > early[1]
    sentences = [
        f"Moved by {_pixels(least)} of {result.side[0]}, an image is {early[0] * 100:.0f} % as far "
        f"from itself as from another one in {first}, and {early[1] * 100:.0f} % in {last}. "
        + (
            "As in the paper, small moves count for most in the first layer."
            if agrees
            else "In the paper small moves count for most in the first layer: not so here."
        )
    ]
    fits = {name: fit(by_name[name], "last") for name in (TRANSLATION, SCALE)}
    sentences.append(
        f"In {last} the distance grows along a straight line with R² {fits[TRANSLATION]:.2f} when "
        f"images move and {fits[SCALE]:.2f} when they are enlarged; in {first} with "
        f"{fit(moved, 'first'):.2f} and {fit(by_name[SCALE], 'first'):.2f}. "
        + _linear(fits[TRANSLATION] >= LINEAR, fits[SCALE] >= LINEAR)
    )
    if result.untransformed[0].given is None:
        return tuple(sentences)
    shares = {name: kept(result, by_name[name]) for name in (TRANSLATION, SCALE, ROTATION)}
    sentences.append(
        "The network gives the class of the untransformed image to "
        f"{percent(shares[TRANSLATION])} of the moved images and to {percent(shares[SCALE])} of "
        "the enlarged ones. "
        + (
            "Its output is stable, as the paper found."
            if min(shares[TRANSLATION], shares[SCALE]) >= STABLE
            else f"The paper calls its output stable; here it is not, if stable means {STABLE:.0%}."
        ).replace("%", " %")
    )
    sentences.append(_turned(result, by_name[ROTATION], shares[ROTATION]))
    return tuple(sentences)


def _turned(result: Invariance, turned: Transformation, share: float) -> str:
    names = called(result.subjects)
    by_subject = [kept_of(result, turned, at) for at in range(len(names))]
    always = [name for name, own in zip(names, by_subject, strict=True) if own == 1]
    said = f"Turned, the images keep their class in {percent(share)} of cases"
    said += f"; at every angle: {', '.join(always)}. " if always else "; none does at every angle. "
    if share >= STABLE:
        said += "The paper's output was not invariant to rotation; this one nearly is."
    else:
        said += "As in the paper, the output is not invariant to rotation."
    if result.symmetric is not None:
        own = by_subject[result.symmetric]
        said += (
            f" The paper excepts objects with rotational symmetry: {names[result.symmetric]}, "
            f"whose picture changes least when turned, keeps its class in {percent(own)} of cases"
        )
        others = [o for at, o in enumerate(by_subject) if at != result.symmetric]
        said += f", the others in {percent(fmean(others))}." if others else "."
    return said


def _linear(moved: bool, enlarged: bool) -> str:
    if moved and enlarged:
        return "The paper, too, found it quasi-linear."
    if moved or enlarged:
        does = "moving" if moved else "enlarging"
        return f"The paper found it quasi-linear for both; here it is for {does} alone."
    return "The paper found it quasi-linear; here it is not."


def fit(one: Transformation, layer: str) -> float:
    """R² of a straight line through the distances in a layer, the mean over the subjects.

    ``layer`` is "first" or "last". Moves up and down count alike, by their size.
    """
    sizes = [abs(amount) for amount in one.amounts]
    return fmean(_r_squared(sizes, getattr(curve, layer)) for curve in one.curves)


def _r_squared(x: Sequence[float], y: Sequence[float]) -> float:
    try:
        return correlation(x, y) ** 2
    except StatisticsError:  # a curve that is level
        return 1.0


def kept(result: Invariance, one: Transformation) -> float:
    """The share of transformed images that are given the class of the untransformed one."""
    return fmean(kept_of(result, one, at) for at in range(len(result.subjects)))


def kept_of(result: Invariance, one: Transformation, subject: int) -> float:
    """The same of one subject. What leaves the image as it is doesn't count."""
    own = result.untransformed[subject].given
    given = [
        number
        for amount, number in zip(one.amounts, one.curves[subject].given, strict=True)
        if amount not in _NEUTRAL[one.name]
    ]
    return sum(number == own for number in given) / max(1, len(given))


_NEUTRAL = {TRANSLATION: (0,), SCALE: (1,), ROTATION: (0, 360)}


def _mean_at(one: Transformation, size: float, layer: str) -> float:
    places = [at for at, amount in enumerate(one.amounts) if abs(amount) == size]
    return fmean(getattr(curve, layer)[at] for curve in one.curves for at in places)


def _pixels(count: float) -> str:
    return "1 pixel" if count == 1 else f"{count:g} pixels"


def about(result: Invariance) -> tuple[str, ...]:
    """What was done, and how to read it."""
    return (
        "Each image is moved up and down, enlarged about its centre and turned about it, in the "
        f"network's input frame, over the paper's ranges: up to {60 / 224:.0%} of the height, up "
        "to 1.8 times, and all the way round. The paper doesn't say what comes in from beyond the "
        "border; here it is the image itself, mirrored. Moves are by whole pixels; what is "
        "enlarged or turned is interpolated between pixels.".replace("%", " %"),
        f"The feature vector of {_vector(result.first)} and that of {_vector(result.last)} are "
        "compared with those of the untransformed image, by Euclidean distance. On the charts 1 "
        f"is the mean distance from another image ({_distance(result.first)} in "
        f"{result.first.layer}, {_distance(result.last)} in {result.last.layer}), over up "
        f"to {result.others} images for each; the JSON has the distances themselves."
        + (
            f" The maps of {result.last.layer} keep their places, so a move changes them, too; "
            "the paper’s last layer, fully connected, has none."
            if result.untransformed[0].given is None
            else ""
        ),
        "A curve that leaps up and then stays level says that the layer takes the smallest change "
        "for another image. A straight one says that the change goes on being seen, no more and "
        "no less than it is.",
    )


def _distance(of: Features) -> str:
    return f"{of.another:,.0f}" if of.another >= 100 else f"{of.another:.3g}"


def _vector(of: Features) -> str:
    read = " as the scores read it" if of.read else ""
    return f"{of.layer}{read} ({of.numbers:,} numbers)"


# What is shown


def _content(view: AtlasView, result: Invariance, page: PageAddress) -> InvarianceContent:
    legend = tuple(
        LegendEntry(
            at,
            _picture(view, f"{subject.image}.webp", page),
            anchor,
            "changes least when turned" if at == result.symmetric else "",
        )
        for at, (subject, anchor) in enumerate(
            zip(result.subjects, anchors(view, result.subjects, page), strict=True)
        )
    )
    return InvarianceContent(
        legend,
        "as far as from another image",
        result.untransformed[0].given is None,
        tuple(_transformation(view, result, one, page) for one in result.transformations),
    )


def _picture(view: AtlasView, file: str, page: PageAddress) -> Drawn | None:
    return drawn(view, picture_file("invariance", file), page)


def _transformation(
    view: AtlasView, result: Invariance, one: Transformation, page: PageAddress
) -> TransformationContent:
    names = called(result.subjects)
    x = Axis(AXES[one.name], one.amounts[0], one.amounts[-1], _ticks(one))
    charts = []
    for of, layer in ((result.first, "first"), (result.last, "last")):
        most = max(max(getattr(curve, layer)) / (of.another or 1) for curve in one.curves)
        charts.append(
            chart(
                f"{TITLES[one.name]}: distance in {of.layer}",
                x=x,
                y=Axis(f"distance in {of.layer}", 0, max(1.0, most * 1.05)),
                lines=[
                    Line(name, _points(one, [v / (of.another or 1) for v in getattr(curve, layer)]))
                    for name, curve in zip(names, one.curves, strict=True)
                ],
            )
        )
    if result.untransformed[0].given is not None:
        charts.append(
            chart(
                f"{TITLES[one.name]}: probability of the class",
                x=x,
                y=Axis("probability of the class", 0, 1),
                lines=[
                    Line(name, _points(one, curve.probability))
                    for name, curve in zip(names, one.curves, strict=True)
                ],
            )
        )
    return TransformationContent(
        TITLES[one.name],
        _picture(view, f"{one.name}.webp", page),
        f"Each image {TITLES[one.name].lower()}, at {len(one.shown)} amounts",
        tuple(_amount(one, one.amounts[at]) for at in one.shown),
        tuple(charts),
        _table(result, one),
    )


def _ticks(one: Transformation) -> tuple[float, ...]:
    return {ROTATION: (0, 90, 180, 270, 360), SCALE: (1, 1.2, 1.4, 1.6, 1.8)}.get(one.name, ())


def _points(one: Transformation, values: Sequence[float]) -> list[tuple[float, float | None]]:
    return list(zip(one.amounts, values, strict=True))


def _amount(one: Transformation, amount: float) -> str:
    sign = {ROTATION: "°", SCALE: "×", TRANSLATION: ""}[one.name]
    return f"{amount:g}{sign}".replace("-", "−")


def _table(result: Invariance, one: Transformation) -> Table:
    names = called(result.subjects)
    heads = [AXES[one.name]]
    for name in names:
        heads += [f"{name}: {result.first.layer}", result.last.layer]
        heads += ["probability", "class given"] if one.curves[0].given else []
    rows = []
    for at, amount in enumerate(one.amounts):
        row = [Cell(_amount(one, amount))]
        for curve in one.curves:
            row.append(Cell(f"{curve.first[at] / (result.first.another or 1):.2f}"))
            row.append(Cell(f"{curve.last[at] / (result.last.another or 1):.2f}"))
            if curve.given:
                row.append(Cell(f"{curve.probability[at]:.3f}"))
                row.append(Cell(result.classes[curve.given[at]]))
        rows.append(tuple(row))
    return Table(f"{TITLES[one.name]}: all figures", tuple(heads), tuple(rows))
