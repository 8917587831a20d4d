"""Experiments in notes: what came out, and the first chart, taken from an experiment's own page."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.experiments.table import EXPERIMENTS, Experiment
from atlas.site.render.base import PageAddress
from atlas.site.render.experiments.page import file_of, made
from atlas.site.render.view import AtlasView

PREFIX = "experiments/"  # of references to experiments in notes
_FINDINGS = re.compile(r'<ul class="findings">.*?</ul>', re.DOTALL)
_CHART = re.compile(r'<figure class="chart">.*?</figure>', re.DOTALL)
_LEGEND = re.compile(r'<ul class="subjects">.*?</ul>', re.DOTALL)  # of a page's charts together
_LINK = re.compile(r'\b(href|src)="([^"#:]+)((?:#[^"]*)?)"')


@dataclass(frozen=True)
class ExperimentInNote:
    """An experiment as a figure of a note: ``findings`` and ``chart`` are HTML, or "".

    A chart whose legend stands elsewhere on its page has that before it.
    """

    title: str
    question: str
    href: str
    findings: str
    chart: str


def named(name: str) -> Experiment | None:
    """The experiment of this name; None if there is no such."""
    return next((one for one in EXPERIMENTS if one.name == name), None)


def link_to(view: AtlasView, experiment: Experiment, page: PageAddress) -> str:
    """The link to an experiment's page; to the atlas's own where it wasn't made."""
    there = experiment in made(view)
    return view.link(file_of(view, experiment.name) if there else "index.html", page)


def excerpt(view: AtlasView, experiment: Experiment, page: PageAddress) -> ExperimentInNote:
    """What a note's page shows of an experiment, whose own page, if any, is written already."""
    title, question, href = experiment.title, experiment.question, link_to(view, experiment, page)
    if experiment not in made(view):
        how = f"This atlas was built without it: <code>--experiments {experiment.name}</code>."
        return ExperimentInNote(title, question, href, f"<p>{how}</p>", "")
    file = file_of(view, experiment.name)
    text, own = (view.folder / file).read_text("utf-8"), view.address(file)
    findings, drawn = _first(_FINDINGS, text), _first(_CHART, text)
    if "<figcaption>" not in drawn:
        drawn = _first(_LEGEND, text) + drawn
    return ExperimentInNote(
        title, question, href, _moved(findings, own, page), _moved(drawn, own, page)
    )


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[0] if found else ""


def _moved(markup: str, own: str, page: PageAddress) -> str:
    """Markup of the page at ``own`` for another page: its links lead to the same files."""

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(own), match[2]))
        return f'{match[1]}="{addresses.relative(target, page.address)}{match[3]}"'

    return _LINK.sub(link, markup)
