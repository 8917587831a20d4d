"""What an atlas supports and what it doesn't: claims that follow from its figures, by rules.

Each claim has the test that it rests on, its size, and its doubt. Which side it stands on is
decided here, by limits that are said with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median

from atlas.data.faces import LayerFaces
from atlas.data.names import LayerNames
from atlas.data.telling import NATURAL, LayerTelling
from atlas.site.columns import COLUMNS, Known
from atlas.site.ranking import spearman

FEWEST = 10  # units that a claim is about
KEPT = 0.2  # of the activation: marks that keep so much more than elsewhere point at something
ALIKE = 0.5  # SSIM from which two pictures show much the same
BEYOND = 0.1  # of the questions: answers that many more than the twin's say something of the units
NAMED = 0.5  # of the units of a layer
AGREE = 0.5  # rank correlation from which two figures say much the same


@dataclass(frozen=True)
class Claim:
    """A claim: whether it is supported, the test, its size and what may still be wrong with it.

    ``layer`` is the layer that it is about, "" for all.
    """

    text: str
    holds: bool
    test: str
    size: str
    doubt: str
    layer: str = ""


@dataclass(frozen=True)
class LayerFound:
    """What is known of a layer: its units, and what was looked for."""

    layer: str
    known: Sequence[Known]
    names: LayerNames | None
    faces: LayerFaces | None
    telling: LayerTelling | None
    image_free: bool


def claims(layers: Sequence[LayerFound]) -> list[Claim]:
    """All claims of an atlas; those that hold first, layer by layer from the last."""
    found = [claim for layer in reversed(layers) for claim in _of_layer(layer)]
    found += _of_all(layers)
    return sorted(found, key=lambda claim: not claim.holds)


def _of_layer(layer: LayerFound) -> Iterator[Claim]:
    if len(layer.known) < FEWEST:
        return
    yield from _names(layer)
    yield from _marks(layer)
    yield from _twin(layer)
    yield from _answers(layer)


def _names(layer: LayerFound) -> Iterator[Claim]:
    if layer.names is None:
        return
    units = layer.names.units
    named = [one for one in units if one.name]
    holds = len(named) >= NAMED * len(units)
    doubts = Counter(one.doubt for one in units if one.doubt)
    strongest = median(one.pearson.score for one in named) if named else 0.0
    most = f"; most of the others: {doubts.most_common(1)[0][0]}" if doubts else ""
    yield Claim(
        f"Most units of {layer.layer} follow something that has a label."
        if holds
        else f"That most units of {layer.layer} follow something that has a label.",
        holds,
        "correlation over all images, beyond permuted labels, shuffled weights and spoilt labels",
        f"{len(named)} of {len(units)} units named, median r {_said(strongest)}{most}",
        "Only labels that the images have were tried; what goes with a label needn't be the label.",
        layer.layer,
    )


def _marks(layer: LayerFound) -> Iterator[Claim]:
    pairs = _both(layer.known, "kept", "kept_elsewhere")
    if len(pairs) < FEWEST:
        return
    more = mean(a - b for a, b in pairs)
    holds = more > KEPT
    yield Claim(
        f"The pictures of {layer.layer} point at what its units need."
        if holds
        else f"That the pictures of {layer.layer} point at what its units need.",
        holds,
        "only the marked fifth of the patch stays sharp, against marks of the same shape elsewhere",
        f"keeps {_percent(mean(a for a, _ in pairs))} against "
        f"{_percent(mean(b for _, b in pairs))}, {len(pairs)} units",
        "Blurring makes pictures that the network never saw; a colour survives it anywhere.",
        layer.layer,
    )


def _twin(layer: LayerFound) -> Iterator[Claim]:
    values = [value for one in layer.known if (value := _value(one, "ssim")) is not None]
    if len(values) < FEWEST or layer.image_free:
        return
    like = mean(values)
    holds = like < ALIKE
    yield Claim(
        f"The pictures of {layer.layer} show what was learned, and not the image alone."
        if holds
        else f"That the pictures of {layer.layer} show what was learned, and not the image alone.",
        holds,
        "likeness (SSIM) to the pictures of a network with shuffled weights",
        f"mean {_said(like)} of 1, {len(values)} units",
        "A picture that differs from the control's may still show edges of the image elsewhere.",
        layer.layer,
    )


def _answers(layer: LayerFound) -> Iterator[Claim]:
    telling = layer.telling
    if telling is None or telling.twin_features is None:
        return
    own = [one.features for one in telling.units if one.features is not None]
    if len(own) < FEWEST:
        return
    pixels = [one.pixels for one in telling.units if one.pixels is not None]
    holds = mean(own) - telling.twin_features > BEYOND
    yield Claim(
        f"Nine images tell what excites a unit of {layer.layer}."
        if holds
        else f"That nine images tell what excites a unit of {layer.layer}, more than they do of "
        "units that learned nothing.",
        holds,
        f"{telling.tasks} two-alternative questions on each unit, answered by likeness",
        f"{_percent(mean(own))} right by the network's features (shuffled weights "
        f"{_percent(telling.twin_features)}), {_percent(mean(pixels))} by pixels, {len(own)} units",
        "Circular: the network's features judge its own units. People were right in "
        f"{_percent(NATURAL)} elsewhere; none was asked here.",
        layer.layer,
    )


def _of_all(layers: Sequence[LayerFound]) -> Iterator[Claim]:
    """Claims on all units."""
    two = sum(bool(one.faces) for layer in layers if layer.faces for one in layer.faces.units)
    looked = sum(
        one.clarity is not None for layer in layers if layer.faces for one in layer.faces.units
    )
    if looked >= FEWEST:
        holds = two < 0.1 * looked
        yield Claim(
            "Each unit is one thing." if two == 0 else
            "Few units are two things." if holds else
            "That units are one thing each.",
            holds,
            "the strongest images in two groups, each as close as images of one class, and apart",
            f"two faces stand out in {two} of {looked} units",
            "The network's own features decide: what it doesn't tell apart counts as one thing.",
        )  # fmt: skip
    known = [one for layer in layers for one in layer.known]
    for one, other, text in (
        (
            "pearson",
            "agreeing",
            "Where the nine agree, the activation goes with a label",
        ),
        ("kept", "pearson", "Units whose pictures hold are those that have names"),
        ("told", "clarity", "Units of which the nine tell are those that are one thing"),
    ):
        pairs = _both(known, one, other)
        if len(pairs) < FEWEST:
            continue
        r = spearman([a for a, _ in pairs], [b for _, b in pairs])
        yield Claim(
            f"{text}." if r > AGREE else f"That {text[0].lower()}{text[1:]}.",
            r > AGREE,
            f"rank correlation of {_title(one)} and {_title(other)} over all units",
            f"{_said(r)}, {len(pairs)} units",
            "Layers differ in both figures, which alone makes them go together.",
        )


def _both(known: Sequence[Known], one: str, other: str) -> list[tuple[float, float]]:
    pairs = [(_value(unit, one), _value(unit, other)) for unit in known]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


_BY_KEY = {column.key: column for column in COLUMNS}


def _value(known: Known, key: str) -> float | None:
    value = _BY_KEY[key].of(known)
    return float(value) if isinstance(value, int | float) else None


def _title(key: str) -> str:
    column = _BY_KEY[key]
    return column.title or column.about


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _said(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
