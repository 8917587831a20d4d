"""The kinds of pages that an atlas has: one row each.

A kind of page is a function from what an atlas knows to files. To add one, write the function and
add a row to ``PAGES``. Its files are written and counted, their links checked, their addresses
kept, and what an earlier build had besides is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from atlas.data import estimates
from atlas.data.experiments.outcomes import FOLDER
from atlas.data.experiments.table import EXPERIMENTS
from atlas.data.plan import Estimate, nothing
from atlas.site.render import (
    beside,
    cards,
    claims,
    images,
    inventory,
    labels,
    layer_measures,
    layers,
    live,
    overview,
    quiz,
    search,
    snippets,
    unit_data,
    unit_table,
    units,
)
from atlas.site.render.base import Entry
from atlas.site.render.experiments import (
    correspondence,
    dreaming,
    evolution,
    first_layer,
    fooling,
    invariance,
    maps,
    memorising,
    occlusion,
)
from atlas.site.render.experiments import index as experiments
from atlas.site.render.view import AtlasView

Content = str | bytes
Files = Callable[[AtlasView], Iterable[tuple[str, Content]]]


def _no_entries(view: AtlasView) -> Iterable[Entry]:
    return ()


@dataclass(frozen=True)
class Page:
    """A kind of page, and of files that go with pages.

    ``files`` yields an atlas's files: their addresses within the atlas, and their contents; none
    where the atlas lacks what they show. ``estimate`` is how many bytes they will take.

    A kind with a ``title`` and an ``address``, that of its main file, stands for itself: where it
    has that file, the atlas's own page links to it and the search finds it. It should yield this
    file first.

    Files of a kind that is ``shared`` are written by several processes where there are many: its
    function asks ``AtlasView.turns`` which items are this process's.
    """

    name: str
    files: Files
    title: str = ""
    address: str = ""
    estimate: Estimate = nothing
    entries: Callable[[AtlasView], Iterable[Entry]] = _no_entries
    shared: bool = False


def _experiment(name: str, files: Files, *, estimate: Estimate = nothing) -> Page:
    """The page of an experiment, called as its row in the table of experiments says."""
    row = next(one for one in EXPERIMENTS if one.name == name)
    return Page(name, files, title=row.title, address=f"{FOLDER}/{name}.html", estimate=estimate)


PAGES: tuple[Page, ...] = (
    Page("overview", overview.files, estimate=estimates.overview),
    Page("inventory", inventory.files),
    Page("search", search.files),
    Page("layers", layers.files, estimate=estimates.pages_of_layers),
    Page("figures", layer_measures.files, estimate=layer_measures.estimate),
    Page("quizzes", quiz.files, estimate=estimates.quizzes, entries=quiz.entries),
    Page("units", units.files, estimate=estimates.pages_of_units, shared=True),
    Page("kits", snippets.files),
    Page("cards", cards.files, estimate=estimates.cards, shared=True),
    Page("unit data", unit_data.files, estimate=estimates.data_of_units, shared=True),
    Page("unit table", unit_table.files, estimate=unit_table.estimate),
    Page("images", images.files, estimate=estimates.pages_of_images, shared=True),
    Page(
        "classes",
        labels.class_files,
        title="Classes, and the units of each",
        address="classes/index.html",
        estimate=estimates.classes,
        entries=labels.class_entries,
    ),
    Page(
        "concepts",
        labels.concept_files,
        title="Concepts, and the units of each",
        address="concepts/index.html",
        estimate=estimates.concepts,
        entries=labels.concept_entries,
    ),
    Page(
        "claims",
        claims.files,
        title=claims.TITLE,
        address=claims.FILE,
        estimate=claims.estimate,
    ),
    Page(
        "rules",
        beside.files,
        title=beside.TITLE,
        address=beside.FILE,
        estimate=beside.estimate,
    ),
    Page(
        "live",
        live.files,
        title="Live: the network in the page",
        address="live.html",
        estimate=estimates.page_that_runs,
    ),
    Page(
        "experiments",
        experiments.files,
        title="Experiments",
        address="experiments/index.html",
    ),
    _experiment("evolution", evolution.files, estimate=estimates.rows_of_moments),
    _experiment("invariance", invariance.files),
    _experiment("first-layer", first_layer.files),
    _experiment("occlusion", occlusion.files),
    _experiment("correspondence", correspondence.files),
    _experiment("memorising", memorising.files),
    _experiment("fooling", fooling.files),
    _experiment("dreaming", dreaming.files),
    _experiment("maps", maps.files, estimate=estimates.maps_of_units),
)


def own_pages(view: AtlasView, pages: Iterable[Page]) -> tuple[Entry, ...]:
    """The pages of an atlas that stand for themselves, of those kinds that the atlas has."""
    entries = []
    for page in pages:
        if page.title:
            for file, content in page.files(view):
                if file == page.address:
                    text = content if isinstance(content, str) else content.decode()
                    names = page.entries is not _no_entries  # a list of what is found by itself
                    said = "" if names else search.main_text(text)
                    entries.append(Entry(page.title, view.address(file), said, view.name))
                    break
    return tuple(entries)


def found_pages(view: AtlasView, pages: Iterable[Page]) -> Iterator[Entry]:
    """The pages of an atlas that the search finds besides its units: those that stand for
    themselves, and what its kinds of page name.
    """
    yield from view.own_pages
    for page in pages:
        yield from page.entries(view)
