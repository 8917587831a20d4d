"""The page on images that fool the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from atlas.data.experiments.fooling import FOOLING, Fooled, Fooling, Walk, smallest
from atlas.data.experiments.outcomes import picture_file
from atlas.site.render.base import Anchor, PageAddress
from atlas.site.render.charts import Axis, Chart, Line, chart
from atlas.site.render.experiments.drawn import Drawn, drawn
from atlas.site.render.experiments.page import Cell, Found, Table, experiment_page, unit_cell
from atlas.site.render.experiments.subjects import anchors, called
from atlas.site.render.view import AtlasView

VISIBLE = 8  # levels from which on a step counts as one that can be seen


@dataclass(frozen=True)
class ShownPicture:
    """A picture, and what it is."""

    picture: Drawn
    caption: str


@dataclass(frozen=True)
class FooledContent:
    """An image and what fools the network with it; no ``pictures`` where they may not be shown."""

    image: Anchor
    says: str
    pictures: tuple[ShownPicture, ...]
    units: Table | None


@dataclass(frozen=True)
class FoolingContent:
    """What the page shows: the images, how the probability falls, and how layers change."""

    subjects: tuple[FooledContent, ...]
    walks: Chart
    walks_table: Table
    layers: Chart | None
    layers_table: Table | None
    without_spread: bool


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML)."""

    def found(result: Fooling, page: PageAddress) -> Found:
        return Found(findings(result), about(result), _content(view, result, page))

    yield from experiment_page(view, FOOLING, found, template="fooling.html")


# What the figures say


def findings(result: Fooling) -> tuple[str, ...]:
    """What the figures say, in sentences."""
    count, most = len(result.subjects), result.gradient_steps[-1]
    steps = [one.smallest for one in result.subjects if one.smallest is not None]
    sentences = []
    if steps:
        levels = "1 level" if median(steps) == 1 else f"{median(steps):g} levels"
        sentences.append(
            f"{len(steps)} of {count} images get another class when each pixel goes up or down by "
            f"at most {max(steps)} of 255 levels; the median is {levels}."
        )
        if median(steps) >= VISIBLE:
            sentences.append(
                "That can be seen. In Goodfellow and colleagues’ first example, of a network for "
                "photographs, a single level was enough: here the network and they disagree."
            )
    else:
        sentences.append(f"No step of up to {most} of 255 levels changes the class of an image.")
    by_chance = [one for each in result.subjects for one in random_steps(result, each)]
    reached = [one for one in by_chance if one is not None]
    never, largest = len(by_chance) - len(reached), result.random_steps[-1]
    if never * 2 >= len(by_chance):
        sentences.append(
            f"Random signs need far more: {never} of {len(by_chance)} tries change no class even "
            f"with {largest} levels."
        )
    else:
        middle = _middle(by_chance)
        sentences.append(
            f"Random signs take {middle:g} levels in the median to do the same"
            + (f", {middle / median(steps):.0f} times as much." if steps else ".")
        )
    first_last = _first_and_last(result)
    if first_last:
        (low, near), (high, far) = first_last
        said = "grows" if far > near else "doesn’t grow"
        sentences.append(
            f"The difference {said} on its way up: the units of {low} change by {near:.2f} "
            f"standard deviations in the mean, those of {high} by {far:.2f}."
        )
        random = fmean(one.changed[-1].random for one in result.subjects if one.changed)
        said = f"A random step of the same size changes the units of {high} by {random:.2f}"
        sentences.append(
            f"{said}: what fools is the direction, as Goodfellow and colleagues say."
            if random < far / 2
            else f"{said}, more than half as much; for Goodfellow and colleagues the direction is "
            "what counts."
        )
    return tuple(sentences)


def random_steps(result: Fooling, one: Fooled) -> list[int | None]:
    """The smallest random step that changes a subject's class, for each seed; None for none."""
    return [smallest(result.random_steps, walk, one.given) for walk in one.random]


def _middle(steps: Sequence[int | None]) -> float:
    """The lower median of steps; None is larger than any."""
    return sorted(step if step is not None else float("inf") for step in steps)[
        (len(steps) - 1) // 2
    ]


def _first_and_last(result: Fooling) -> tuple[tuple[str, float], tuple[str, float]] | None:
    means = _layer_means(result)
    return ((means[0][0], means[0][1]), (means[-1][0], means[-1][1])) if len(means) > 1 else None


def _layer_means(result: Fooling) -> list[tuple[str, float, float]]:
    """Each layer's name, and its mean changes over the subjects: fooled, and at random."""
    fooled = [one.changed for one in result.subjects if one.changed]
    return [
        (layers[0].layer, fmean(one.fooled for one in layers), fmean(one.random for one in layers))
        for layers in zip(*fooled, strict=True)
    ]


def about(result: Fooling) -> tuple[str, ...]:
    """What was done, and how to read it."""
    return (
        "Each number of each pixel goes one and the same number of levels up or down, as the "
        "sign of the loss’s gradient says; the loss is that of the class that the network gives "
        "the image. What would leave the range from 0 to 255 stays at its end. So every picture "
        "here is one that a file can hold. All steps from 1 to "
        f"{result.gradient_steps[-1]} levels were tried.",
        f"Beside it stand {len(result.subjects[0].random)} random choices of signs, the same for "
        f"all sizes, at {len(result.random_steps)} sizes up to {result.random_steps[-1]} levels.",
        "A unit’s change is that of its maximum over the image, in standard deviations of its "
        "maxima over all images.",
    )


# What is shown


def _content(view: AtlasView, result: Fooling, page: PageAddress) -> FoolingContent:
    linked = anchors(view, [one.subject for one in result.subjects], page)
    names = called([one.subject for one in result.subjects])
    means = _layer_means(result)
    return FoolingContent(
        tuple(
            _fooled(view, result, one, image, page)
            for one, image in zip(result.subjects, linked, strict=True)
        ),
        _walks(result, names),
        _walks_table(result, names),
        _layers(means) if means else None,
        Table(
            "The mean change of each layer’s units",
            ("layer", "step that fools", "random step"),
            tuple((Cell(name), Cell(f"{far:.3f}"), Cell(f"{random:.3f}"))
                  for name, far, random in means),
        )
        if means
        else None,
        not result.spread,
    )  # fmt: skip


def _fooled(
    view: AtlasView, result: Fooling, one: Fooled, image: Anchor, page: PageAddress
) -> FooledContent:
    names = result.classes
    was = f"{names[one.given]} ({_percent(one.probability)})"
    truth = one.subject.truth
    wrong = f", though it is {names[truth]}" if truth is not None and truth != one.given else ""
    step = one.smallest or result.gradient_steps[-1]
    if one.after is None:
        says = f"The network says {was}{wrong}, and still after {step} levels."
    else:
        left = one.gradient.probability[result.gradient_steps.index(step)]
        says = (
            f"The network says {was}{wrong}. After {_levels(step)} it says {names[one.after]}, and "
            f"gives {names[one.given]} {_percent(left)}."
        )
    by_chance = _middle(random_steps(result, one))
    says += (
        f" Random signs: {by_chance:g} levels in the median."
        if by_chance < float("inf")
        else f" Random signs: mostly not even with {result.random_steps[-1]} levels."
    )
    kinds = {
        "image": f"the image: {names[one.given]}",
        "difference": f"the difference, times {one.factor}",
        "fooled": f"the sum: {names[one.after if one.after is not None else one.given]}",
    }
    pictures = []
    for kind, caption in kinds.items():
        address = picture_file("fooling", f"{one.subject.image}-{kind}.webp")
        if picture := drawn(view, address, page):
            pictures.append(ShownPicture(picture, caption))
    return FooledContent(image, says, tuple(pictures), _units(view, one, image.text, page))


def _units(view: AtlasView, one: Fooled, name: str, page: PageAddress) -> Table | None:
    rows = [
        (
            unit_cell(view, layer.layer, unit.unit, page),
            Cell(f"{unit.before:.3g}"),
            Cell(f"{unit.after:.3g}"),
            Cell(f"{unit.change:+.1f}".replace("-", "−")),
        )
        for layer in one.changed
        for unit in layer.units
    ]
    heads = ("unit", "before", "after", "change")
    return Table(f"The units that changed most: {name}", heads, tuple(rows)) if rows else None


def _walks(result: Fooling, names: Sequence[str]) -> Chart:
    most = result.gradient_steps[-1]
    steps = (0, *result.gradient_steps)
    lines = [
        Line(name, list(zip(steps, (one.probability, *one.gradient.probability), strict=True)))
        for one, name in zip(result.subjects, names, strict=True)
    ]
    return chart(
        "How the probability of the class falls with the size of the step",
        x=Axis("levels of 255", 0, most),
        y=Axis("probability of the class", 0, 1),
        lines=[*lines, Line("random signs, mean", _random_mean(result), dashed=True)],
    )


def _random_mean(result: Fooling) -> list[tuple[float, float | None]]:
    """The mean probability after random steps, over all subjects and seeds."""
    start = fmean(one.probability for one in result.subjects)
    walks = [walk for one in result.subjects for walk in one.random]
    points: list[tuple[float, float | None]] = [(0, start)]
    for at, step in enumerate(result.random_steps):
        if step <= result.gradient_steps[-1]:
            points.append((step, fmean(walk.probability[at] for walk in walks)))
    return points


def _walks_table(result: Fooling, names: Sequence[str]) -> Table:
    def told(walk: Walk, at: int) -> str:
        return f"{walk.probability[at]:.3f} {result.classes[walk.given[at]]}"

    rows = [
        (Cell(str(step)), *(Cell(told(one.gradient, at)) for one in result.subjects))
        for at, step in enumerate(result.gradient_steps)
    ]
    heads = ("levels", *names)
    return Table("The probability of the class, and the class given", heads, tuple(rows))


def _layers(means: Sequence[tuple[str, float, float]]) -> Chart:
    most = max(max(far, random) for _, far, random in means)
    fooled = [(at + 1, far) for at, (_, far, _) in enumerate(means)]
    random = [(at + 1, by_chance) for at, (_, _, by_chance) in enumerate(means)]
    return chart(
        "The mean change of the units of each layer, in standard deviations",
        x=Axis(
            "",
            1,
            max(2, len(means)),
            tuple(range(1, len(means) + 1)),
            tuple(name for name, _, _ in means),
        ),
        y=Axis("mean change", 0, most * 1.05),
        lines=[Line("step that fools", fooled), Line("random step", random, dashed=True)],
    )


def _levels(step: int) -> str:
    return "1 level" if step == 1 else f"{step} levels"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if 0.01 <= share <= 0.99 else f"{100 * share:.2g} %"
