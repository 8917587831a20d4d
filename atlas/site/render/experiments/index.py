"""The list of an atlas's experiments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlas.site.render.base import Crumb
from atlas.site.render.experiments.page import TITLE, file_of, folder, made
from atlas.site.render.view import AtlasView


@dataclass(frozen=True)
class ListedExperiment:
    """An experiment in the list: its page, its title, the question it asks, and who asked first."""

    page: str
    title: str
    question: str
    source: str


@dataclass(frozen=True)
class ExperimentsPage:
    """What the list of all experiments shows."""

    heading: str
    experiments: tuple[ListedExperiment, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The list: (address within the atlas, HTML); nothing where there are no experiments."""
    experiments = made(view)
    if not experiments:
        return
    file = f"{folder(view)}/index.html"
    page = view.page(file)
    head = view.head(
        file,
        title=TITLE,
        description=f"Experiments with {view.title}, and what came out",
        crumbs=(Crumb(TITLE),),
    )
    listed = tuple(
        ListedExperiment(
            view.link(file_of(view, one.name), page), one.title, one.question, one.source
        )
        for one in experiments
    )
    yield file, view.renderer.page("experiments.html", head, ExperimentsPage(TITLE, listed))
