"""Notes: Markdown files of the author, in which units and layers appear as live figures.

``[[conv3/117]]`` in a paragraph of its own becomes a figure of the unit, ``[[conv3]]`` of the
layer, ``[[alexnet:conv3/117|caption]]`` of another atlas's unit; within a sentence they become
links.
"""

from __future__ import annotations

import difflib
import html
import re
import xml.etree.ElementTree as etree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import jinja2
import markdown
from markdown.blockprocessors import BlockProcessor
from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString

from atlas.data import addresses
from atlas.data.records import LayerData, Unit
from atlas.errors import AtlasError
from atlas.site.info import SiteInfo
from atlas.site.render.base import AtlasView, PageAddress, page
from atlas.site.render.pictures import Card, card

FIGURE = 3  # units on a layer's figure
_REFERENCE = r"\[\[(?:([\w.-]+):)?([^\[\]|:]+?)(?:\|([^\[\]]*))?\]\]"
# TeX between its usual marks; a dollar before a digit or after a blank is money
_MATHS = (
    r"(\$\$.+?\$\$|\\\(.+?\\\)|\\\[.+?\\\]|(?<![\\$\w])\$(?![\s\d$])[^$\n]+?(?<![\s\\])\$(?!\d))"
)


@dataclass(frozen=True)
class Note:
    """A note as it was written: its file's stem, what stands before the text, and the text."""

    path: Path
    source: str
    title: str
    order: float
    atlas: str

    @property
    def address(self) -> str:
        """Its page, from the site's root."""
        return f"notes/{self.path.stem}.html"


def read_notes(folder: Path) -> list[Note]:
    """The notes of a folder, in order. Raises ``AtlasError`` for one that can't be read."""
    notes = []
    for path in sorted(folder.glob("*.md")):
        try:
            source = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AtlasError(f"{path} can't be read: {error}") from error
        reader = markdown.Markdown(extensions=["meta"])
        reader.convert(source)
        said: dict[str, list[str]] = getattr(reader, "Meta", {})
        first = re.search(r"^# +(.+?) *#*$", source, re.MULTILINE)
        title = said.get("title", [first[1] if first else path.stem])[0].strip("\"'")
        order = said.get("order", ["0"])[0]
        try:
            number = float(order)
        except ValueError:
            line = _line(source, "order")
            raise AtlasError(f"{path}:{line}: order: {order} is not a number") from None
        notes.append(Note(path, source, title, number, said.get("atlas", [""])[0]))
    return sorted(notes, key=lambda note: (note.order, note.path.name))


def note_page(
    note: Note,
    notes: Sequence[Note],
    shelves: Mapping[str, AtlasView],
    about: SiteInfo,
    templates: jinja2.Environment,
) -> tuple[str, str]:
    """A note's page, and its text without marks, for the search.

    Raises ``AtlasError`` that names file and line for an address that doesn't exist.
    """
    here = PageAddress(note.address)
    writer = markdown.Markdown(
        extensions=["meta", "footnotes", "tables", "fenced_code", "attr_list", "sane_lists", "toc"],
        extension_configs={"toc": {"title": "Contents"}},
    )
    finder = _Finder(note, shelves, here, templates)
    writer.parser.blockprocessors.register(
        _Figures(writer.parser, finder), "figures", 75
    )  # after code
    writer.inlinePatterns.register(_Maths(_MATHS, writer), "maths", 187)
    writer.inlinePatterns.register(_Links(_REFERENCE, writer, finder), "units", 186)
    source = re.sub(r"^# +.+$\n?", "", note.source, count=1, flags=re.MULTILINE)
    body = writer.convert(source)
    place = notes.index(note)
    steps = [
        (other[0].title, here.to(other[0].address)) if other else None
        for other in (notes[max(place - 1, 0) : place], notes[place + 1 : place + 2])
    ]
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
    made = page(
        templates,
        about,
        "note.html",
        note.address,
        [note.title],
        text[:150],
        [(note.title, None)],
        previous=steps[0],
        next=steps[1],
        note_title=note.title,
        body=body,
    )
    return made, text


@dataclass(frozen=True)
class _Found:
    """What a reference leads to: units to show as cards, a link, and what is said of it."""

    title: str
    page: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class _Finder:
    """Looks references up among the atlases of a site."""

    note: Note
    shelves: Mapping[str, AtlasView]
    here: PageAddress
    templates: jinja2.Environment

    def find(self, atlas: str | None, address: str, whole: str) -> _Found:
        """What a reference leads to; ``whole`` is the reference as it was written."""
        shelf = self._shelf(atlas, whole)
        name, slash, number = address.rpartition("/")
        layer = shelf.layers.get(address)
        if layer is not None:
            representative = shelf.representative(address)
            cards = tuple(
                card(shelf, layer, layer.unit(unit), self.here) for unit in representative[:FIGURE]
            )
            target = shelf.address(addresses.layer_page(address))
            return _Found(address, self.here.to(target), cards)
        layer = shelf.layers.get(name) if slash else None
        if layer is None:
            near = difflib.get_close_matches(name or address, shelf.layers, 3, 0.3)
            named = ", ".join(near or shelf.layers)
            self._fail(whole, f"{shelf.name} has no layer {name or address}; nearest: {named}")
        unit = self._unit(layer, number, whole)
        shown = card(shelf, layer, unit, self.here)
        return _Found(address, shown.page, (shown,))

    def _shelf(self, atlas: str | None, whole: str) -> AtlasView:
        name = atlas or self.note.atlas
        if not name and len(self.shelves) == 1:
            return next(iter(self.shelves.values()))
        there = ", ".join(self.shelves)
        if not name:
            self._fail(whole, f"which atlas? Write 'atlas:' at the note's top; there are {there}")
        if name not in self.shelves:
            self._fail(whole, f"there is no atlas {name} on this site; there are {there}")
        return self.shelves[name]

    def _unit(self, layer: LayerData, number: str, whole: str) -> Unit:
        if not number.isdigit():
            self._fail(whole, f"{number} is not a unit's number")
        wanted = int(number)
        unit = layer.find(wanted)
        if unit is not None:
            return unit
        near = sorted(layer.top, key=lambda unit: abs(unit.unit - wanted))[:3]
        named = ", ".join(f"{layer.layer}/{unit.unit}" for unit in near)
        self._fail(whole, f"{layer.layer} shows no unit {number}; nearest: {named}")

    def _fail(self, whole: str, why: str) -> NoReturn:
        raise AtlasError(f"{self.note.path}:{_line(self.note.source, whole)}: {whole}: {why}")


def _line(source: str, text: str) -> int:
    return source[: max(source.find(text), 0)].count("\n") + 1


class _Figures(BlockProcessor):
    """A paragraph of nothing but references becomes a figure."""

    def __init__(self, parser: markdown.blockparser.BlockParser, finder: _Finder) -> None:
        super().__init__(parser)
        self.finder = finder

    def test(self, parent: etree.Element, block: str) -> bool:
        return re.fullmatch(rf"(\s*{_REFERENCE}\s*)+", block) is not None

    def run(self, parent: etree.Element, blocks: list[str]) -> None:
        block = blocks.pop(0)
        found = [
            (self.finder.find(match[1], match[2].strip(), match[0]), match[3])
            for match in re.finditer(_REFERENCE, block)
        ]
        template = self.finder.templates.get_template("figure.html")
        said = [caption.strip() for _, caption in found if caption]
        text = template.render(found=[one for one, _ in found], caption=" ".join(said))
        etree.SubElement(parent, "div").text = self.parser.md.htmlStash.store(text)


class _Links(InlineProcessor):
    """A reference within a sentence becomes a link."""

    def __init__(self, pattern: str, md: markdown.Markdown, finder: _Finder) -> None:
        super().__init__(pattern, md)
        self.finder = finder

    def handleMatch(  # type: ignore[override]
        self, m: re.Match[str], data: str
    ) -> tuple[etree.Element, int, int]:
        found = self.finder.find(m[1], m[2].strip(), m[0])
        link = etree.Element("a", href=found.page)
        link.text = AtomicString((m[3] or found.title).strip())
        return link, m.start(0), m.end(0)


class _Maths(InlineProcessor):
    """TeX stays as it was written."""

    def handleMatch(  # type: ignore[override]
        self, m: re.Match[str], data: str
    ) -> tuple[etree.Element, int, int]:
        span = etree.Element("span", {"class": "math"})
        span.text = AtomicString(m[1])
        return span, m.start(0), m.end(0)
