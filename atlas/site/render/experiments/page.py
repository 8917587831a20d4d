"""What the page of every experiment shows: its question, where it comes from, what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from atlas.data import addresses
from atlas.data.documents import Document
from atlas.data.experiments.outcomes import FOLDER, Outcome
from atlas.data.experiments.table import EXPERIMENTS, Experiment
from atlas.site.render.base import Anchor, Crumb, PageAddress, Steps
from atlas.site.render.view import AtlasView

T = TypeVar("T")
TITLE = "Experiments"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: a text, and where it leads, if anywhere."""

    text: str
    href: str = ""


@dataclass(frozen=True)
class Table:
    """Figures in a table; the first cell of a row is its head."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Found:
    """What an experiment's page shows of its result.

    ``findings`` are sentences, the most important first, each with its figure. ``about`` explains
    what was done and how to read it, a paragraph each. ``content`` is what the experiment's own
    template shows.
    """

    findings: tuple[str, ...]
    about: tuple[str, ...]
    content: object


@dataclass(frozen=True)
class ExperimentPage:
    """The page of an experiment.

    ``source`` leads to the publication and ``data`` to the result as JSON. Without a result there
    is a ``reason`` and nothing is ``found``.
    """

    title: str
    question: str
    source: Anchor
    data: str
    reason: str
    found: Found | None


def folder(view: AtlasView) -> str:
    """The folder of the pages of experiments."""
    return addresses.label_folder(FOLDER, view.layers)


def file_of(view: AtlasView, experiment: str) -> str:
    """The page of an experiment."""
    return f"{folder(view)}/{experiment}.html"


def made(view: AtlasView) -> tuple[Experiment, ...]:
    """The experiments that an atlas has."""
    return tuple(
        one for one in EXPERIMENTS if (view.folder / FOLDER / f"{one.name}.json").is_file()
    )


def experiment_page(
    view: AtlasView,
    document: Document[Outcome[T]],
    found: Callable[[T, PageAddress], Found],
    *,
    template: str = "experiment.html",
) -> Iterator[tuple[str, str]]:
    """The page of an experiment: (address within the atlas, HTML); nothing where it wasn't made.

    ``found`` says what the page shows of a result, at the page's address.
    """
    if not view.has(document):
        return
    name = document.name.rpartition("/")[2]
    outcome = view.document(document)
    row = next(one for one in EXPERIMENTS if one.name == name)
    file = file_of(view, name)
    page = view.page(file)
    content = ExperimentPage(
        row.title,
        row.question,
        Anchor(row.source, row.url),
        view.link(f"{document.name}.json", page),
        outcome.reason,
        None if outcome.result is None else _together(found(outcome.result, page)),
    )
    head = view.head(
        file,
        title=row.title,
        description=f"{row.title} of {view.title}: {row.question}",
        crumbs=(Crumb(TITLE, view.address(f"{folder(view)}/index.html")), Crumb(row.title)),
        steps=_steps(view, name, page),
    )
    yield file, view.renderer.page(template, head, content)


def _together(found: Found) -> Found:
    """The same with percent signs that stay on the line of their figure."""
    said, about = (
        tuple(text.replace(" %", "\u00a0%") for text in texts)
        for texts in (found.findings, found.about)
    )
    return replace(found, findings=said, about=about)


def _steps(view: AtlasView, name: str, page: PageAddress) -> Steps:
    names = [one.name for one in made(view)]
    titles = {one.name: one.title for one in EXPERIMENTS}
    at = names.index(name)

    def anchor(place: int) -> Anchor | None:
        if not 0 <= place < len(names):
            return None
        return Anchor(titles[names[place]], view.link(file_of(view, names[place]), page))

    return Steps(anchor(at - 1), anchor(at + 1))


def unit_cell(view: AtlasView, layer: str, unit: int, page: PageAddress) -> Cell:
    """A unit in a table, with the link to its page if it has one."""
    shown = layer in view.layers and any(one.unit == unit for one in view.layers[layer].top)
    href = view.link(addresses.unit_page(layer, unit), page) if shown else ""
    return Cell(f"{layer}/{unit}", href)
