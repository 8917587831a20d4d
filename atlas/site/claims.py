"""What an atlas supports and what it doesn't: claims that follow from its figures, by rules.

Each claim stands once, with the test that it rests on, its limit and its doubt, and has a finding
for each layer: no figure is taken over layers, which differ in everything. Which side a finding is
on is decided here, by limits that are said with it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median

from atlas.data.faces import LayerFaces, are_a_tail
from atlas.data.names import LayerNames
from atlas.data.telling import NATURAL, LayerTelling
from atlas.site.columns import COLUMNS, Known
from atlas.site.phrases import percent, signed
from atlas.site.ranking import interval, spearman

FEWEST = 10  # units that a finding is about
POINTS = 0.2  # of the activation: marks that keep and lose so much more than elsewhere point at it
ALIKE = 0.5  # likeness, or correlation of places, from which two pictures show much the same
OWN = 0.5  # of a picture: the share that is the unit's own, and not drawn by others as well
WRONG = 0.5  # as many wrong answers as on units of the twin
NAMED = 0.5  # of the units of a layer
TWO = 0.1  # of the units of a layer may be two things
AGREE = 0.5  # rank correlation from which two figures say much the same


@dataclass(frozen=True)
class Finding:
    """What a layer's figures say of a claim: ``holds`` is None where they say nothing.

    ``figure`` is the one that decides, in a few characters; ``size`` says it in words, or why there
    is none.
    """

    layer: str
    holds: bool | None
    figure: str
    size: str


@dataclass(frozen=True)
class Claim:
    """A claim with its test, the limit that decides, what may still be wrong, and the findings."""

    text: str
    test: str
    limit: str
    doubt: str
    findings: tuple[Finding, ...]

    def layers(self, holds: bool) -> tuple[str, ...]:
        """The layers in which the figures support it, or don't."""
        return tuple(one.layer for one in self.findings if one.holds is holds)


@dataclass(frozen=True)
class LayerFound:
    """What is known of a layer: its units, and what was looked for."""

    layer: str
    known: Sequence[Known]
    names: LayerNames | None
    faces: LayerFaces | None
    telling: LayerTelling | None
    image_free: bool
    images: int  # that were looked through, all different


def claims(layers: Sequence[LayerFound]) -> list[Claim]:
    """All claims of which some layer's figures say something, in the order in which pages say them.

    First what the pictures show, then what units are.
    """
    every = (_what(layers), _where(layers), _marks(layers), _own(layers),
             _names(layers), _answers(layers), _one_thing(layers), *_together(layers))  # fmt: skip
    return [claim for claim in every if any(one.holds is not None for one in claim.findings)]


Told = tuple[bool, str, str] | str  # whether it holds, its figure and size; or why none is known


def _found(layers: Sequence[LayerFound], of: Callable[[LayerFound], Told]) -> tuple[Finding, ...]:
    """A finding for each layer: whether the claim holds, its figure and size, or why none is."""
    findings = []
    for layer in layers:
        told = of(layer)
        if isinstance(told, str):
            findings.append(Finding(layer.layer, None, "", told))
        else:
            findings.append(Finding(layer.layer, *told))
    return tuple(findings)


FILTERS = "these pictures show the unit's filters, whatever the image"


def _unlike_control(layer: LayerFound, *, key: str, what: str) -> Told:
    """Whether a layer's pictures differ from the control's, by the mean of a figure."""
    values = _values(layer, key)
    if layer.image_free or len(values) < FEWEST:
        return FILTERS if layer.image_free else _few(len(values))
    same = signed(mean(values))
    return mean(values) < ALIKE, same, f"a {what} of {same}, {len(values)} units"


def _what(layers: Sequence[LayerFound]) -> Claim:
    return Claim(
        "What the pictures draw was learned.",
        "likeness (SSIM) to what a network with shuffled weights draws of the same patches",
        f"a mean below {ALIKE}",
        "Shuffled weights draw something near noise, to which little is alike. So this says that "
        "they aren't the image alone, and no more.",
        _found(layers, functools.partial(_unlike_control, key="ssim", what="likeness")),
    )


def _where(layers: Sequence[LayerFound]) -> Claim:
    return Claim(
        "Where the pictures draw was learned.",
        "rank correlation, place by place, with how strongly shuffled weights draw there",
        f"a mean below {ALIKE}",
        "Both draw through the same receptive field and at the same switches, in the middle more "
        "than at the edge.",
        _found(layers, functools.partial(_unlike_control, key="rank", what="correlation")),
    )


def _marks(layers: Sequence[LayerFound]) -> Claim:
    def of(layer: LayerFound) -> Told:
        kept = _pairs(layer.known, "kept", "kept_elsewhere")
        lost = _pairs(layer.known, "lost", "lost_elsewhere")
        if min(len(kept), len(lost)) < FEWEST:
            return _few(min(len(kept), len(lost)))
        keeps, loses = mean(a - b for a, b in kept), mean(a - b for a, b in lost)
        means = [
            percent(mean(values)) for pairs in (kept, lost) for values in zip(*pairs, strict=True)
        ]
        return (
            min(keeps, loses) > POINTS,
            f"{percent(keeps)}, {percent(loses)}",
            f"kept {means[0]} (elsewhere {means[1]}), lost {means[2]} (elsewhere {means[3]}), "
            f"{len(kept)} units",
        )

    return Claim(
        "The pictures mark what their units need.",
        "the activation kept where only the marked fifth of the patch stays sharp, and lost where "
        "it is blurred, against a mask of the same shape elsewhere",
        f"both {percent(POINTS)} of the activation more",
        "Blurred pictures are none that the network ever saw. Elsewhere is seldom the middle, on "
        "which units depend most.",
        _found(layers, of),
    )


def _own(layers: Sequence[LayerFound]) -> Claim:
    def of(layer: LayerFound) -> Told:
        values = _values(layer, "own")
        if len(values) < FEWEST:
            return _few(len(values))
        share = mean(values)
        return share > OWN, percent(share), f"{percent(share)} is the unit's, {len(values)} units"

    return Claim(
        "The pictures show the unit, more than its layer.",
        "the share of a picture that the layer's other units, projected back together from the "
        "same place, don't draw as well",
        f"a mean above {percent(OWN)}",
        "Many units together may draw what none of them draws alone.",
        _found(layers, of),
    )


def _names(layers: Sequence[LayerFound]) -> Claim:
    def of(layer: LayerFound) -> Told:
        if layer.names is None:
            return "no labels"
        units = layer.names.units
        if len(units) < FEWEST:
            return _few(len(units))
        named = [one for one in units if one.name]
        doubts = Counter(one.doubt for one in units if one.doubt)
        size = f"{len(named)} of {len(units)} units"
        if named:
            size += f", median r {signed(median(one.pearson.score for one in named))}"
        if doubts:
            size += f"; most others: {DOUBTS[doubts.most_common(1)[0][0]]}"
        return len(named) >= NAMED * len(units), percent(len(named) / len(units)), size

    return Claim(
        "Most units follow something that has a label.",
        "correlation over all images, beyond permuted labels, shuffled weights and labels "
        "corrupted on purpose",
        f"a name for {percent(NAMED)} of the units",
        "Only labels that the images have were tried, and what goes with a label needn't be that: "
        "an eye and an ear are on the same images.",
        _found(layers, of),
    )


DOUBTS = {
    "weak": "hardly go with any label",
    "chance": "no more than by chance",
    "twin": "shuffled weights do as well",
    "checks": "corrupted labels do as well",
    "rivals": "several labels do as well",
}


def _answers(layers: Sequence[LayerFound]) -> Claim:
    def of(layer: LayerFound) -> Told:
        told = layer.telling
        own = [] if told is None else [u.features for u in told.units if u.features is not None]
        if told is None or told.twin_features is None or len(own) < FEWEST:
            return "not asked" if told is None else _few(len(own))
        pixels = [one.pixels for one in told.units if one.pixels is not None]
        share, twin = mean(own), told.twin_features
        return (
            1 - share <= WRONG * (1 - twin),
            percent(share),
            f"{percent(share)} right (shuffled weights {percent(twin)}, by pixels "
            f"{percent(mean(pixels))}), {told.tasks} questions on each of {len(own)} units",
        )

    return Claim(
        "Nine images tell what else excites a unit.",
        "two-alternative questions, answered by likeness to the nine in the network's features",
        "at most half as many wrong answers as on units of a network with shuffled weights",
        "Circular: the network's features judge its own units. People gave "
        f"{percent(NATURAL)} right answers to related questions elsewhere; none was asked here.",
        _found(layers, of),
    )


def _one_thing(layers: Sequence[LayerFound]) -> Claim:
    def of(layer: LayerFound) -> Told:
        units = layer.faces.units if layer.faces else ()
        looked = [one for one in units if one.clarity is not None]
        if len(looked) < FEWEST:
            return _few(len(looked))
        most = max(one.images for one in looked)
        if not are_a_tail(most, layer.images):
            return f"too few images: the {most} strongest of {layer.images} are no tail"
        two = sum(len({face.thing or face for face in one.faces}) > 1 for one in looked)
        share = two / len(looked)
        return share < TWO, percent(share), f"two things in {two} of {len(looked)} units"

    return Claim(
        "Units are one thing each.",
        "the strongest images in two groups, each as close as images of one class, and apart",
        f"two things in fewer than {percent(TWO)} of the units",
        "The network's own features decide, and in layers whose units follow edges and colours "
        "hardly any images are as close as those of a class: there this says little.",
        _found(layers, of),
    )


def _together(layers: Sequence[LayerFound]) -> Iterator[Claim]:
    """Claims that two figures of units go together."""
    for one, other, text in (
        ("pearson", "agreeing", "Where the nine agree, the activation goes with a label."),
        ("kept", "pearson", "Units whose marks hold are those that go with a label."),
        ("told", "clarity", "Units whose nine tell are those that are one thing."),
    ):

        def of(layer: LayerFound, one: str = one, other: str = other) -> Told:
            pairs = _pairs(layer.known, one, other)
            if len(pairs) < FEWEST:
                return _few(len(pairs))
            r = spearman([a for a, _ in pairs], [b for _, b in pairs])
            low, high = interval(r, len(pairs))
            return low > AGREE, signed(r), f"{signed(low)} to {signed(high)}, {len(pairs)} units"

        yield Claim(
            text,
            f"rank correlation of {_title(one)} and {_title(other)}, within a layer",
            f"the whole 95 % interval above {AGREE}",
            "Units of a layer are no independent draws: many are alike.",
            _found(layers, of),
        )


def _few(count: int) -> str:
    return "no figures" if count == 0 else f"figures of only {count} units"


def _values(layer: LayerFound, key: str) -> list[float]:
    return [value for one in layer.known if (value := _value(one, key)) is not None]


def _pairs(known: Sequence[Known], one: str, other: str) -> list[tuple[float, float]]:
    pairs = [(_value(unit, one), _value(unit, other)) for unit in known]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


_BY_KEY = {column.key: column for column in COLUMNS}


def _value(known: Known, key: str) -> float | None:
    value = _BY_KEY[key].of(known)
    return float(value) if isinstance(value, int | float) else None


def _title(key: str) -> str:
    column = _BY_KEY[key]
    return column.title or column.about
