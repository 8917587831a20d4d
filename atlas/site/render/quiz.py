"""The quiz of a layer: which of two patches is a unit's ninth, and which is its median image's?

Borowski et al. 2021 asked people how well pictures of a unit let them predict what else activates
it. Nothing is sent anywhere; the page counts the answers itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData, Pair, Plate, Unit
from atlas.data.telling import NATURAL, SYNTHETIC, TELLING
from atlas.drawing import pixels
from atlas.site.render.base import Crumb, Entry, PageAddress
from atlas.site.render.view import MEDIAN, AtlasView, is_askable

QUESTIONS = 10
EASY = 0.95  # of a machine's answers that are right: the unit is an easy one


@dataclass(frozen=True)
class TilePair:
    """The places (top, left) of a reconstruction and of its patch on a plate."""

    reconstruction: Pair
    patch: Pair


@dataclass(frozen=True)
class Choice:
    """One of the two patches to choose from, as an SVG's view box.

    ``picture`` says which picture it is cut out of: "plate" or "strip".
    """

    letter: str
    picture: str
    view_box: str


@dataclass(frozen=True)
class Question:
    """Eight pairs of a unit's plate, and two more patches, of which one is its ninth.

    ``right`` is the letter of that one. ``level`` is how a machine fares with such questions on the
    unit: "easy" or "hard", "" where that isn't known.
    """

    unit: int
    page: str
    plate: str
    strip: str
    pairs: tuple[TilePair, ...]
    choices: tuple[Choice, ...]
    right: str
    level: str


@dataclass(frozen=True)
class QuizPage:
    """What a quiz shows; ``strip_size`` is the height and width of every strip of patches.

    ``others`` says how people and a machine fared with such questions.
    """

    layer: str
    crisp: bool
    plate: Plate
    strip_size: Pair
    questions: tuple[Question, ...]
    others: str


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The quiz of each layer that has one: (address within the atlas, HTML)."""
    for layer in view.layers.values():
        if view.has_quiz(layer):
            yield addresses.quiz_page(layer.layer), quiz_page(view, layer)


def entries(view: AtlasView) -> Iterator[Entry]:
    """The quizzes as the search finds them."""
    for layer in view.layers.values():
        if view.has_quiz(layer):
            address = view.address(addresses.quiz_page(layer.layer))
            yield Entry(f"Quiz of {layer.layer}", address, "", view.name)


def asked_units(layer: LayerData) -> list[Unit]:
    """The units that a quiz asks about, spread evenly over the layer."""
    askable = [unit for unit in layer.top if is_askable(unit)]
    count = min(QUESTIONS, len(askable))
    return [askable[place * len(askable) // count] for place in range(count)]


def quiz_page(view: AtlasView, layer: LayerData) -> str:
    """The quiz of a layer that has one."""
    file = addresses.quiz_page(layer.layer)
    page = view.page(file)
    units = asked_units(layer)
    tile = pixels.strip_tile(layer.shown)
    head = view.head(
        file,
        title=f"Quiz on {layer.layer}",
        layer=layer.layer,
        description=f"Ten questions on the units of {layer.layer} of {view.name}",
        crumbs=(
            Crumb(layer.layer, view.address(addresses.layer_page(layer.layer))),
            Crumb("quiz"),
        ),
    )
    content = QuizPage(
        layer=layer.layer,
        crisp=pixels.is_crisp(layer.shown),
        plate=layer.plate,
        strip_size=pixels.strip_size(tile, len(units[0].spectrum)),
        questions=tuple(_question(view, layer, unit, page=page, tile=tile) for unit in units),
        others=_others(view, layer, units),
    )
    return view.renderer.page("quiz.html", head, content)


def _question(
    view: AtlasView, layer: LayerData, unit: Unit, *, page: PageAddress, tile: Pair
) -> Question:
    plate = layer.plate
    top, left = plate.place(8, patch=True)
    median = next(i for i, s in enumerate(unit.spectrum) if s.percent == MEDIAN)
    ninth = ("plate", f"{left} {top} {plate.tile[1]} {plate.tile[0]}")
    other = ("strip", f"{median * (tile[1] + pixels.GAP)} 0 {tile[1]} {tile[0]}")
    name = f"{view.name}/{layer.layer}/{unit.unit}"
    ninth_first = hashlib.sha256(name.encode()).digest()[0] % 2 == 0
    first, second = (ninth, other) if ninth_first else (other, ninth)
    return Question(
        unit=unit.unit,
        page=view.link(addresses.unit_page(layer.layer, unit.unit), page),
        plate=view.link(addresses.plate_file(layer.layer, unit.unit), page),
        strip=view.link(addresses.spectrum_file(layer.layer, unit.unit), page),
        pairs=tuple(
            TilePair(plate.place(rank, patch=False), plate.place(rank, patch=True))
            for rank in range(8)
        ),
        choices=(Choice("A", *first), Choice("B", *second)),
        right="A" if ninth_first else "B",
        level=_level(_answered(view, layer, unit)),
    )


def _answered(view: AtlasView, layer: LayerData, unit: Unit) -> float | None:
    """The share of a machine's right answers on a unit, by the network's features."""
    if not view.has(TELLING, layer.layer):
        return None
    known = view.kept(TELLING, layer.layer).of(unit.unit)
    return known.features if known else None


def _level(share: float | None) -> str:
    if share is None:
        return ""
    return "easy" if share >= EASY else "hard"


def _others(view: AtlasView, layer: LayerData, units: Sequence[Unit]) -> str:
    known = [share for unit in units if (share := _answered(view, layer, unit)) is not None]
    people = (
        f"Elsewhere people answered {NATURAL:.0%} of such questions right with photographs, and "
        f"{SYNTHETIC:.0%} with pictures made for units (Borowski et al. 2021); they saw the nine "
        "weakest images as well."
    ).replace("%", " %")
    if not known:
        return people
    share = round(100 * sum(known) / len(known))
    return (
        f"{people} A machine answers {share} % on these units by the network's own features; a "
        f"unit is called easy where it answers {round(100 * EASY)} % or more."
    )
