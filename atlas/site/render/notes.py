"""Notes: Markdown files of the author, in which units and layers appear as live figures.

``[[conv3/117]]`` in a paragraph of its own becomes a figure of the unit, ``[[conv3]]`` of the
layer, ``[[alexnet:conv3/117|caption]]`` of another atlas's unit; within a sentence they become
links.
"""

from __future__ import annotations

import difflib
import re
import xml.etree.ElementTree as etree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import markdown
from markdown.blockprocessors import BlockProcessor
from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString

from atlas.data import addresses
from atlas.data.records import LayerData, Unit
from atlas.errors import AtlasError
from atlas.site.render.base import (
    Anchor,
    Crumb,
    Entry,
    Head,
    PageAddress,
    Renderer,
    Steps,
    plain_text,
)
from atlas.site.render.picture_views import PictureViews, of_plates
from atlas.site.render.pictures import Card, card
from atlas.site.render.view import AtlasView

FIGURE = 3  # units on a layer's figure
_REFERENCE = r"\[\[(?:([\w.-]+):)?([^\[\]|:]+?)(?:\|([^\[\]]*))?\]\]"
# TeX between its usual marks; a dollar sign before a digit or after a blank is money
_MATHS = (
    r"(\$\$.+?\$\$|\\\(.+?\\\)|\\\[.+?\\\]|(?<![\\$\w])\$(?![\s\d$])[^$\n]+?(?<![\s\\])\$(?!\d))"
)


@dataclass(frozen=True)
class Note:
    """A note as its author wrote it: its file, its text, and what its head says of it."""

    path: Path
    source: str
    title: str
    order: float
    atlas: str

    @property
    def address(self) -> str:
        """Its page, from the site's root."""
        return f"notes/{self.path.stem}.html"


@dataclass(frozen=True)
class NotePage:
    """What a note's page shows; ``body`` is HTML."""

    title: str
    views: PictureViews | None
    body: str


@dataclass(frozen=True)
class Figure:
    """What a figure in a note shows; ``several`` is whether it has more than one plate."""

    cards: tuple[Card, ...]
    several: bool
    caption: str


@dataclass(frozen=True)
class RenderedNote:
    """A note's page, and its entry in lists and the search."""

    html: str
    entry: Entry


def read_notes(folder: Path) -> list[Note]:
    """The notes of a folder, in order. Raises ``AtlasError`` for one that can't be read."""
    notes = []
    for path in sorted(folder.glob("*.md")):
        try:
            source = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AtlasError(f"{path} can't be read: {error}") from error
        notes.append(_parsed(path, source))
    return sorted(notes, key=lambda note: (note.order, note.path.name))


def _parsed(path: Path, source: str) -> Note:
    """A note with the title, order and atlas that its head gives."""
    reader = markdown.Markdown(extensions=["meta"])
    reader.convert(source)
    head: dict[str, list[str]] = getattr(reader, "Meta", {})
    first = re.search(r"^# +(.+?) *#*$", source, re.MULTILINE)
    title = head.get("title", [first[1] if first else path.stem])[0].strip("\"'")
    order = head.get("order", ["0"])[0]
    try:
        number = float(order)
    except ValueError:
        line = _line(source, "order")
        raise AtlasError(f"{path}:{line}: order: {order} is not a number") from None
    return Note(path, source, title, number, head.get("atlas", [""])[0])


def note_page(
    note: Note, views: Mapping[str, AtlasView], renderer: Renderer, *, steps: Steps
) -> RenderedNote:
    """A note as a page; ``views`` are the atlases that it can refer to, by name.

    Raises ``AtlasError`` that names file and line for an address that doesn't exist.
    """
    page = PageAddress(note.address)
    body = _converted(note, _Finder(note, views, page, renderer))
    text = plain_text(body)
    head = Head(
        address=note.address,
        title=(note.title,),
        description=text[:150],
        crumbs=(Crumb(note.title),),
        steps=steps,
    )
    offered = of_plates(patches="data-lit=" in body)  # as plates with patches have it
    html = renderer.page("note.html", head, NotePage(note.title, offered, body))
    return RenderedNote(html, Entry(note.title, note.address, text))


def steps_of(note: Note, notes: Sequence[Note]) -> Steps:
    """The notes before and after a note."""
    page = PageAddress(note.address)
    place = notes.index(note)

    def anchor(other: Note) -> Anchor:
        return Anchor(other.title, page.to(other.address))

    return Steps(
        anchor(notes[place - 1]) if place > 0 else None,
        anchor(notes[place + 1]) if place + 1 < len(notes) else None,
    )


def _converted(note: Note, finder: _Finder) -> str:
    """A note's text as HTML, without its title."""
    writer = markdown.Markdown(
        extensions=["meta", "footnotes", "tables", "fenced_code", "attr_list", "sane_lists", "toc"],
        extension_configs={"toc": {"title": "Contents"}},
    )
    figures = _Figures(writer.parser, finder)
    writer.parser.blockprocessors.register(figures, "figures", 75)  # after code
    writer.inlinePatterns.register(_Maths(_MATHS, writer), "maths", 187)
    writer.inlinePatterns.register(_Links(_REFERENCE, writer, finder), "units", 186)
    source = re.sub(r"^# +.+$\n?", "", note.source, count=1, flags=re.MULTILINE)
    return writer.convert(source)


@dataclass(frozen=True)
class _Target:
    """What a reference leads to: its name, the link to its page, and the units it shows."""

    title: str
    page: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class _Finder:
    """Looks a note's references up among the atlases of a site."""

    note: Note
    views: Mapping[str, AtlasView]
    page: PageAddress
    renderer: Renderer

    def find(self, match: re.Match[str]) -> _Target:
        """What a reference leads to. Raises ``AtlasError`` if that doesn't exist."""
        view = self._view(match)
        address = match[2].strip()
        if address in view.layers:
            return self._layer(view, address)
        name, slash, number = address.rpartition("/")
        layer = view.layers.get(name) if slash else None
        if layer is None:
            near = difflib.get_close_matches(name or address, view.layers, 3, 0.3)
            named = ", ".join(near or view.layers)
            self._fail(match, f"{view.name} has no layer {name or address}; nearest: {named}")
        shown = card(view, layer, self._unit(layer, number, match), page=self.page)
        return _Target(view.title(layer.layer, int(number)), shown.page, (shown,))

    def figure(self, cards: Sequence[Card], caption: str) -> str:
        """Units' plates as a figure, in HTML."""
        return self.renderer.part("figure.html", Figure(tuple(cards), len(cards) > 1, caption))

    def _layer(self, view: AtlasView, name: str) -> _Target:
        layer = view.layers[name]
        units = [layer.unit(number) for number in view.representative(name)[:FIGURE]]
        cards = tuple(card(view, layer, unit, page=self.page) for unit in units)
        return _Target(name, view.link(addresses.layer_page(name), self.page), cards)

    def _view(self, match: re.Match[str]) -> AtlasView:
        name = match[1] or self.note.atlas
        if not name and len(self.views) == 1:
            return next(iter(self.views.values()))
        there = ", ".join(self.views)
        if not name:
            self._fail(match, f"which atlas? Write 'atlas:' at the note's top; there are {there}")
        if name not in self.views:
            self._fail(match, f"there is no atlas {name} on this site; there are {there}")
        return self.views[name]

    def _unit(self, layer: LayerData, number: str, match: re.Match[str]) -> Unit:
        if not number.isdigit():
            self._fail(match, f"{number} is not a unit's number")
        wanted = int(number)
        unit = layer.find(wanted)
        if unit is not None:
            return unit
        near = sorted(layer.top, key=lambda unit: abs(unit.unit - wanted))[:3]
        named = ", ".join(f"{layer.layer}/{unit.unit}" for unit in near)
        self._fail(match, f"{layer.layer} shows no unit {number}; nearest: {named}")

    def _fail(self, match: re.Match[str], why: str) -> NoReturn:
        line = _line(self.note.source, match[0])
        raise AtlasError(f"{self.note.path}:{line}: {match[0]}: {why}")


def _line(source: str, text: str) -> int:
    """The number of the line that a text first stands in."""
    return source[: max(source.find(text), 0)].count("\n") + 1


class _Figures(BlockProcessor):
    """A paragraph of nothing but references becomes a figure."""

    def __init__(self, parser: markdown.blockparser.BlockParser, finder: _Finder) -> None:
        super().__init__(parser)
        self.finder = finder

    def test(self, parent: etree.Element, block: str) -> bool:
        return re.fullmatch(rf"(\s*{_REFERENCE}\s*)+", block) is not None

    def run(self, parent: etree.Element, blocks: list[str]) -> None:
        matches = list(re.finditer(_REFERENCE, blocks.pop(0)))
        cards = [card for match in matches for card in self.finder.find(match).cards]
        caption = " ".join(match[3].strip() for match in matches if match[3])
        figure = self.finder.figure(cards, caption)
        etree.SubElement(parent, "div").text = self.parser.md.htmlStash.store(figure)


class _Links(InlineProcessor):
    """A reference within a sentence becomes a link."""

    def __init__(self, pattern: str, md: markdown.Markdown, finder: _Finder) -> None:
        super().__init__(pattern, md)
        self.finder = finder

    def handleMatch(  # type: ignore[override]
        self, m: re.Match[str], data: str
    ) -> tuple[etree.Element, int, int]:
        target = self.finder.find(m)
        link = etree.Element("a", href=target.page)
        link.text = AtomicString((m[3] or target.title).strip())
        return link, m.start(0), m.end(0)


class _Maths(InlineProcessor):
    """TeX stays as it was written."""

    def handleMatch(  # type: ignore[override]
        self, m: re.Match[str], data: str
    ) -> tuple[etree.Element, int, int]:
        span = etree.Element("span", {"class": "math"})
        span.text = AtomicString(m[1])
        return span, m.start(0), m.end(0)
