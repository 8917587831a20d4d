"""The list of an atlas's experiments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from atlas.data.experiments.outcomes import document_name
from atlas.site.render.base import Crumb
from atlas.site.render.experiments.page import TITLE, file_of, folder, made
from atlas.site.render.view import AtlasView


@dataclass(frozen=True)
class ListedExperiment:
    """An experiment in the list: its page, its title, the question it asks, and who asked first.

    ``reason`` says why it has no result; it is "" where it has one.
    """

    page: str
    title: str
    question: str
    source: str
    reason: str


class _Said(Struct, frozen=True):
    """What the list reads of an outcome, whatever its result is."""

    reason: str = ""


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
            view.link(file_of(view, one.name), page),
            one.title,
            one.question,
            one.source,
            _reason(view, one.name),
        )
        for one in experiments
    )
    yield file, view.renderer.page("experiments.html", head, ExperimentsPage(TITLE, listed))


def _reason(view: AtlasView, experiment: str) -> str:
    file = view.folder / f"{document_name(experiment)}.json"
    return msgspec.json.decode(file.read_bytes(), type=_Said).reason
