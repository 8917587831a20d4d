"""Notes: Markdown files of the author, in which units and layers appear as live figures.

``[[conv3/117]]`` in a paragraph of its own becomes a figure of the unit, ``[[conv3]]`` of the
layer, ``[[alexnet:conv3/117|caption]]`` of another atlas's unit; within a sentence they become
links. ``[[conv3/117 lit]]`` is a figure whose patches are lit by their reconstructions.
``[[experiments/occlusion]]`` shows what came of an experiment. TeX between dollar signs becomes
MathML: ``$a_i$`` in a line, ``$$a_i$$`` on its own. HTML of the author's keeps what shows something
(``authors_html``), unless the site says otherwise.
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
from atlas.data.experiments.table import NAMES, Experiment
from atlas.data.records import LayerData, Unit
from atlas.errors import AtlasError
from atlas.site.authors_html import shown_only
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
from atlas.site.render.experiments import in_notes
from atlas.site.render.formulas import Formulas
from atlas.site.render.picture_views import LIT, PictureViews, of_plates
from atlas.site.render.pictures import Card, card
from atlas.site.render.view import AtlasView

FIGURE = 3  # units on a layer's figure
LONG = 24  # signs and the spaces between, of a formula that a small screen may be too narrow for
_REFERENCE = r"\[\[(?:([\w.-]+):)?([^\[\]|:]+?)(\s+lit\s*)?(?:\|([^\[\]]*))?\]\]"
_TEX = r"(?:\\.|[^\\$\x02])+?"  # no code, which markdown keeps between control characters
_DISPLAY = rf"\$\$(?P<display>{_TEX})\$\$"
# a dollar sign before a blank opens nothing; one after a blank or before a digit closes nothing
_INLINE = rf"(?<![\\$\w])\$(?![\s$])(?P<inline>{_TEX})(?<!\s)\$(?![\d$])"
_MATHS = rf"{_DISPLAY}|{_INLINE}|\\\((?P<round>.+?)\\\)|\\\[(?P<square>.+?)\\\]"


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
class Shown:
    """A unit in a figure; ``lit`` is whether its patches are, instead of reconstructions."""

    card: Card
    lit: bool


@dataclass(frozen=True)
class Figure:
    """What a figure in a note shows; ``several`` is whether it has more than one plate.

    ``said`` is what lit patches show, where there are any.
    """

    shown: tuple[Shown, ...]
    several: bool
    caption: str
    said: str


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
    text = plain_text(re.sub(r"<span>[^<]*</span>", "", body))  # without the facts under plates
    head = Head(
        address=note.address,
        title=(note.title,),
        description=text[:150],
        crumbs=(Crumb(note.title),),
        steps=steps,
        menu=_menu(note, views),
    )
    offered = of_plates(patches="data-lit=" in body)  # as plates with patches have it
    html = renderer.page("note.html", head, NotePage(note.title, offered, body))
    return RenderedNote(html, Entry(note.title, note.address, text, "note"))


def _menu(note: Note, views: Mapping[str, AtlasView]) -> tuple[Crumb, ...]:
    """What the header leads to besides, as that of the note's atlas or of the only one."""
    own = views.get(note.atlas) or (next(iter(views.values())) if len(views) == 1 else None)
    return own.menu() if own else ()


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
    writer.ESCAPED_CHARS = [*writer.ESCAPED_CHARS, "$"]
    own = _Own()
    figures, maths = _Figures(writer.parser, finder, own), _Maths(writer, note, own)
    writer.parser.blockprocessors.register(figures, "figures", 75)  # after code
    writer.parser.blockprocessors.register(_Displays(writer.parser, maths), "displays", 74)
    writer.inlinePatterns.register(maths, "maths", 187)
    writer.inlinePatterns.register(_Links(_REFERENCE, writer, finder), "units", 186)
    source = re.sub(r"^# +.+$\n?", "", note.source, count=1, flags=re.MULTILINE)
    html = writer.convert(source)
    return own.put_into(html if finder.renderer.info.raw_html else shown_only(html))


class _Own:
    """HTML of this program's within a note: it is put there once the author's was looked through.

    Until then a number stands in its place, between characters that no text has a use for.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []

    def keep(self, html: str) -> AtomicString:
        """Keep a part; returns what stands in its place."""
        self._parts.append(html)
        return AtomicString(f"\ue0a7{len(self._parts) - 1}\ue0a8")

    def put_into(self, html: str) -> str:
        """A page's HTML with all parts in their places."""
        return re.sub("\ue0a7([0-9]+)\ue0a8", self._part, html)

    def _part(self, found: re.Match[str]) -> str:
        number = int(found[1])
        return self._parts[number] if number < len(self._parts) else ""


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
        experiment = self._experiment(match)
        if experiment:
            page = in_notes.link_to(view, experiment, self.page)
            return _Target(experiment.title, page, ())
        if address in view.layers:
            return self._layer(view, address)
        name, slash, number = address.rpartition("/")
        layer = view.layers.get(name) if slash else None
        if layer is None:
            near = difflib.get_close_matches(name or address, view.layers, 3, 0.3)
            named = ", ".join(near or view.layers)
            self._fail(match, f"{view.name} has no layer {name or address}; nearest: {named}")
        shown = card(view, layer, self._unit(layer, number, match), page=self.page)
        return _Target(view.unit_title(layer.layer, int(number)), shown.page, (shown,))

    def link(self, match: re.Match[str]) -> _Target:
        """What a reference within a sentence leads to: it has no pictures that could be lit."""
        if match[3]:
            self._fail(match, "only a figure can be lit, a paragraph of its own")
        return self.find(match)

    def figure(self, matches: Sequence[re.Match[str]]) -> str:
        """What references lead to as a figure, in HTML; a plate without patches can't be lit."""
        experiment = self._experiment(matches[0])
        if experiment and len(matches) == 1:
            part = in_notes.excerpt(self._view(matches[0]), experiment, self.page)
            return self.renderer.part("experiment-in-note.html", part)
        shown = [
            Shown(card, bool(match[3]) and card.halves is not None)
            for match in matches
            for card in self.find(match).cards
        ]
        caption = " ".join(match[4].strip() for match in matches if match[4])
        said = LIT.said if any(one.lit for one in shown) else ""
        figure = Figure(tuple(shown), len(shown) > 1, caption, said)
        return self.renderer.part("figure.html", figure)

    def _experiment(self, match: re.Match[str]) -> Experiment | None:
        """The experiment that a reference names, if it names one."""
        view, address = self._view(match), match[2].strip()
        name = address.removeprefix(in_notes.PREFIX)
        if name == address or address.rpartition("/")[0] in view.layers:
            return None
        found = in_notes.named(name)
        if found is None:
            self._fail(match, f"there is no experiment {name}; there are {', '.join(NAMES)}")
        return found

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
        _fail(self.note, match[0], why)


def _fail(note: Note, written: str, why: str) -> NoReturn:
    """Say what is wrong with a piece of a note, and where it stands."""
    shown = " ".join(written.split())
    raise AtlasError(f"{note.path}:{_line(note.source, written)}: {shown}: {why}")


def _line(source: str, text: str) -> int:
    """The number of the line that a text first stands in.

    In lists and quotations other things stand before its lines.
    """
    found = re.search(r"[\s>]+".join(map(re.escape, text.split())), source)
    return source[: found.start() if found else 0].count("\n") + 1


class _Figures(BlockProcessor):
    """A paragraph of nothing but references becomes a figure."""

    def __init__(
        self, parser: markdown.blockparser.BlockParser, finder: _Finder, own: _Own
    ) -> None:
        super().__init__(parser)
        self.finder, self.own = finder, own

    def test(self, parent: etree.Element, block: str) -> bool:
        return re.fullmatch(rf"(\s*{_REFERENCE}\s*)+", block) is not None

    def run(self, parent: etree.Element, blocks: list[str]) -> None:
        matches = list(re.finditer(_REFERENCE, blocks.pop(0)))
        figure = self.finder.figure(matches)
        etree.SubElement(parent, "div").text = self.own.keep(figure)


class _Links(InlineProcessor):
    """A reference within a sentence becomes a link."""

    def __init__(self, pattern: str, md: markdown.Markdown, finder: _Finder) -> None:
        super().__init__(pattern, md)
        self.finder = finder

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[etree.Element, int, int]:
        target = self.finder.link(m)
        link = etree.Element("a", href=target.page)
        link.text = AtomicString((m[4] or target.title).strip())
        return link, m.start(0), m.end(0)


class _Maths(InlineProcessor):
    """TeX becomes MathML."""

    def __init__(self, md: markdown.Markdown, note: Note, own: _Own) -> None:
        super().__init__(_MATHS, md)
        self.note, self.own = note, own
        self.formulas = Formulas()

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[etree.Element, int, int]:
        shown = m["display"] or m["square"]
        element = self.element(shown or m["inline"] or m["round"], m[0], display=bool(shown))
        return element, m.start(0), m.end(0)

    def element(self, tex: str, written: str, *, display: bool) -> etree.Element:
        """A formula that the note has as ``written``.

        Where there is no room for it, it scrolls by itself, also by keys.
        """
        try:
            markup = self.formulas.mathml(tex, display=display)
        except ValueError as error:
            _fail(self.note, written, str(error))
        element = etree.Element("span", {"class": "formula" if display else "math"})
        if display or len(plain_text(markup)) > LONG:
            element.attrib.update({"tabindex": "0", "role": "group", "aria-label": "Formula"})
        element.text = self.own.keep(markup)
        return element


class _Displays(BlockProcessor):
    """A paragraph of nothing but a formula on its own, whatever its lines begin with."""

    def __init__(self, parser: markdown.blockparser.BlockParser, maths: _Maths) -> None:
        super().__init__(parser)
        self.maths = maths

    def test(self, parent: etree.Element, block: str) -> bool:
        return block.lstrip().startswith("$$")

    def run(self, parent: etree.Element, blocks: list[str]) -> bool:
        block = blocks[0].strip()
        if block.count("$$") == 1:
            _fail(self.maths.note, block, "no $$ ends the formula before the next empty line")
        whole = re.fullmatch(_DISPLAY, block, re.DOTALL)
        if whole is None:  # text goes on after it
            return False
        del blocks[0]
        element = self.maths.element(whole["display"], block, display=True)
        element.tag = "div"
        parent.append(element)
        return True
