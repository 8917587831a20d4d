"""The quiz of a layer: which of two new images excites a unit more?

These are questions that a machine answered, too (``atlas.evidence.telling``), as Borowski et al.
2021 asked them of people. Nothing is sent anywhere; the page counts the answers itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData, Pair, Plate
from atlas.data.telling import (
    ACROSS,
    GRID,
    NATURAL,
    SIDE,
    STRONG,
    SYNTHETIC,
    TELLING,
    WEAK,
    LayerTelling,
    quiz_sheet,
)  # fmt: skip
from atlas.data.telling import Question as Asked
from atlas.drawing import pixels
from atlas.site.phrases import percent
from atlas.site.render.base import Crumb, Entry, PageAddress
from atlas.site.render.view import AtlasView

EASY = 0.95  # of a machine's answers that are right: the unit is an easy one
LEVELS = ("easy", "hard")
NINE = 9


@dataclass(frozen=True)
class TilePair:
    """The places (top, left) of a reconstruction and of its patch on a plate."""

    reconstruction: Pair
    patch: Pair


@dataclass(frozen=True)
class Choice:
    """One of the two images to choose from, as a view box of the question's sheet."""

    letter: str
    view_box: str


@dataclass(frozen=True)
class Question:
    """The nine pairs of a unit's plate, and a sheet with the nine least and two new images.

    ``right`` is the letter of the one that excites it more. ``level`` is how a machine fares with
    such questions on the unit: "easy" or "hard", "" where that isn't known. ``machine`` says what
    it answers to this one.
    """

    unit: int
    page: str
    plate: str
    sheet: str
    pairs: tuple[TilePair, ...]
    choices: tuple[Choice, ...]
    right: str
    level: str
    machine: str


@dataclass(frozen=True)
class Row:
    """Shares of right answers: of whom, on units of each level, and on all of the quiz's.

    ``own`` is which of a visitor's scores stands there: "page", "all", or "" for none.
    """

    who: str
    shares: tuple[str, ...]
    own: str = ""


@dataclass(frozen=True)
class QuizPage:
    """What a quiz shows; ``sheet_size`` is the height and width of every question's sheet.

    ``least`` is the view box of the nine least on it. ``levels`` are those that questions have.
    """

    layer: str
    crisp: bool
    plate: Plate
    sheet_size: Pair
    least: str
    questions: tuple[Question, ...]
    levels: tuple[str, ...]
    rows: tuple[Row, ...]
    easy: int


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


def quiz_page(view: AtlasView, layer: LayerData) -> str:
    """The quiz of a layer that has one."""
    file = addresses.quiz_page(layer.layer)
    page = view.page(file)
    told = view.kept(TELLING, layer.layer)
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
    questions = tuple(_question(view, layer, told, one, page=page) for one in told.quiz)
    levels = tuple(level for level in LEVELS if level in {one.level for one in questions})
    content = QuizPage(
        layer=layer.layer,
        crisp=pixels.is_crisp(layer.shown),
        plate=layer.plate,
        sheet_size=(GRID[0] * SIDE, GRID[1] * SIDE),
        least=f"0 0 {ACROSS * SIDE} {ACROSS * SIDE}",
        questions=questions,
        levels=levels,
        rows=(
            Row("You, in this quiz", ("",) * (len(levels) + 1), own="page"),
            Row("You, in all quizzes", ("",) * (len(levels) + 1), own="all"),
            *_machine(told, levels),
            Row("People elsewhere, beside photographs", ("",) * len(levels) + (percent(NATURAL),)),
            Row(
                "People elsewhere, beside pictures made for units",
                ("",) * len(levels) + (percent(SYNTHETIC),),
            ),
        ),
        easy=round(100 * EASY),
    )
    return view.renderer.page("quiz.html", head, content)


def _question(
    view: AtlasView, layer: LayerData, told: LayerTelling, asked: Asked, *, page: PageAddress
) -> Question:
    plate, unit = layer.plate, asked.unit
    name = f"{view.name}/{layer.layer}/{unit}"
    strong_first = hashlib.sha256(name.encode()).digest()[0] % 2 == 0
    cells = (STRONG, WEAK) if strong_first else (WEAK, STRONG)
    right = "A" if strong_first else "B"
    other = "B" if strong_first else "A"
    return Question(
        unit=unit,
        page=view.link(addresses.unit_page(layer.layer, unit), page),
        plate=view.link(addresses.plate_file(layer.layer, unit), page),
        sheet=view.link(quiz_sheet(layer.layer, unit), page),
        pairs=tuple(
            TilePair(plate.place(rank, patch=False), plate.place(rank, patch=True))
            for rank in range(NINE)
        ),
        choices=tuple(
            Choice(letter, f"{column * SIDE} {row * SIDE} {SIDE} {SIDE}")
            for letter, (row, column) in zip("AB", cells, strict=True)
        ),
        right=right,
        level=_level(_answered(told, unit)),
        machine=right if asked.machine else other,
    )


def _answered(told: LayerTelling, unit: int) -> float | None:
    """The share of a machine's right answers on a unit, by the network's features."""
    known = told.of(unit)
    return known.features if known else None


def _level(share: float | None) -> str:
    if share is None:
        return ""
    return "easy" if share >= EASY else "hard"


def _machine(told: LayerTelling, levels: Sequence[str]) -> Iterator[Row]:
    """A machine's shares, where there are enough images for them: of all questions on the units."""
    known = [share for one in told.quiz if (share := _answered(told, one.unit)) is not None]
    if not known:
        return
    each = [[share for share in known if _level(share) == level] for level in levels]
    yield Row(
        f"A machine, {told.tasks} questions on each of these units",
        tuple(percent(sum(some) / len(some)) for some in (*each, known)),
    )
