"""What every page has in common: its address, its links, and what stands around its content.

A kind of page has a record of what its template shows. ``Renderer.page`` lays it out: a template
sees the record as ``page``, and ``base``, which ``base.html`` shows around it.
"""

from __future__ import annotations

import functools
import html
import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import jinja2

from atlas import __version__
from atlas.data import addresses
from atlas.data.records import Pair
from atlas.errors import AtlasError, first_line
from atlas.site.info import NO_INFO, UNKNOWN, SiteInfo
from atlas.site.own_files import TEMPLATES, OwnTemplate
from atlas.site.render.footer import footer_html

Templates = jinja2.Environment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)


@functools.lru_cache(maxsize=4)
def environment(own: tuple[OwnTemplate, ...] = ()) -> Templates:
    """The templates, compiled once; undefined names are errors.

    ``own`` ones come first. What they replace is still there as ``original/NAME``, to be extended.
    """
    usual = jinja2.FileSystemLoader(TEMPLATES)
    sources = {one.name: (one.source, one.path, None) for one in own}
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.FunctionLoader(sources.get),
                usual,
                jinja2.PrefixLoader({"original": usual}),
            ]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def check_templates(own: tuple[OwnTemplate, ...]) -> None:
    """Raise ``AtlasError``, with file and line, for a template that can't be compiled."""
    for one in own:
        if one.name.endswith(".html"):
            with _told(own):
                environment(own).get_template(one.name)


@dataclass(frozen=True)
class PageAddress:
    """A page's own address, from the site's root; every link on the page is relative to it."""

    address: str

    @property
    def root(self) -> str:
        """The way up to the site's root."""
        return "../" * self.address.count("/")

    def to(self, address: str) -> str:
        """The link to another address."""
        return addresses.relative(address, self.address)


@dataclass(frozen=True)
class Anchor:
    """A link as it stands on a page: its text, and where it leads from that page."""

    text: str
    href: str


@dataclass(frozen=True)
class Entry:
    """A page that stands for itself, as lists of pages and the search show it.

    ``address`` is from the site's root, ``text`` all that the page says; ``about`` is shown beside
    the title among what the search finds.
    """

    title: str
    address: str
    text: str
    about: str = ""


@dataclass(frozen=True)
class Crumb:
    """A step from the first page down to this one; ``address`` is from the site's root.

    ``address`` is "" for the page itself.
    """

    text: str
    address: str = ""


@dataclass(frozen=True)
class Steps:
    """The pages before and after a page in its row of layers, units, images or notes."""

    previous: Anchor | None = None
    next: Anchor | None = None


@dataclass(frozen=True)
class Preview:
    """The picture that other sites show for a link to a page; ``size`` is height and width."""

    address: str
    size: Pair


@dataclass(frozen=True)
class Head:
    """What a page says of itself, besides its content.

    ``address`` is from the site's root. ``title`` goes from the particular to the general, without
    the site's own; ``crumbs`` lead from the first page, without it, to this one. ``oembed`` is the
    link to what says how to embed the page, and ``atlas`` the name of the page's atlas, if any.
    ``menu`` leads to what the header should have besides what every page's has. ``canonical`` is
    the address of a page that shows the same, if that one counts. ``policy`` says what the page may
    load and run.
    """

    address: str
    title: tuple[str, ...]
    description: str
    crumbs: tuple[Crumb, ...] = ()
    steps: Steps = field(default_factory=Steps)
    preview: Preview | None = None
    oembed: str = ""
    atlas: str = ""
    menu: tuple[Crumb, ...] = ()
    canonical: str = ""
    policy: str = POLICY


@dataclass(frozen=True)
class Base:
    """What ``base.html`` shows around a page's content; every link is relative to the page.

    ``canonical`` is the page's whole address, "" where the site's isn't known; ``unknown`` says
    what then stands in its place; ``footer`` is HTML.
    """

    head: Head
    info: SiteInfo
    root: str
    title: str
    heading: str
    canonical: str
    crumbs: tuple[Anchor, ...]
    menu: tuple[Anchor, ...]
    footer: str
    unknown: str = ""
    version: str = __version__


@dataclass(frozen=True)
class Renderer:
    """What all pages of a site are made with: what the site says of itself, and the templates."""

    info: SiteInfo = NO_INFO

    @functools.cached_property
    def templates(self) -> Templates:
        """The templates, with the author's own in their places."""
        return environment(self.info.templates)

    def page(self, template: str, head: Head, page: object) -> str:
        """A page as HTML; ``page`` is the record of what this kind of page shows.

        Raises ``AtlasError``, with file and line, for a template that fails.
        """
        with _told(self.info.templates):
            return self.templates.get_template(template).render(base=self._base(head), page=page)

    def part(self, template: str, page: object) -> str:
        """HTML that has nothing of ``base.html`` around it. Raises ``AtlasError`` as ``page``."""
        with _told(self.info.templates):
            return self.templates.get_template(template).render(page=page)

    def _base(self, head: Head) -> Base:
        address = PageAddress(head.address)
        first = Crumb(self.info.title, "index.html" if head.crumbs else "")
        notes = (Crumb("Notes", "index.html#notes"),) if self.info.notes else ()
        menu = (*notes, *head.menu, Crumb("How to read", "how-to-read.html"))
        return Base(
            head=head,
            info=self.info,
            root=address.root,
            title=" · ".join([*head.title, self.info.title]),
            heading=head.title[0] if head.title else self.info.title,
            canonical=self.info.url(head.canonical or head.address) if self.info.base else "",
            unknown="" if self.info.base else _UNKNOWN,
            crumbs=tuple(
                Anchor(crumb.text, address.to(crumb.address) if crumb.address else "")
                for crumb in (first, *head.crumbs)
            ),
            menu=tuple(Anchor(entry.text, address.to(entry.address)) for entry in menu),
            footer=footer_html(self.info.footer, address.root, raw=self.info.raw_html),
        )


_UNKNOWN = (
    f"{UNKNOWN} stands for this site's own address, which isn't known here. Put it in when you "
    "paste, or build the site with --base-url."
)


@contextmanager
def _told(own: Sequence[OwnTemplate]) -> Iterator[None]:
    """Raise ``AtlasError`` for what fails in a template: its file, its line, and why."""
    try:
        yield
    except jinja2.TemplateSyntaxError as error:
        file = error.filename or error.name
        raise AtlasError(f"{file}:{error.lineno}: {first_line(error)}") from error
    except Exception as error:
        files = {str(path) for path in TEMPLATES.iterdir()} | {one.path for one in own}
        frames = traceback.extract_tb(error.__traceback__)
        place = next((one for one in reversed(frames) if one.filename in files), None)
        if place is None:
            raise
        raise AtlasError(f"{place.filename}:{place.lineno}: {first_line(error)}") from error


def plain_text(markup: str) -> str:
    """The text of a piece of HTML, with single spaces between words."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())
