"""What a site says of itself, and what it has besides its atlases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from atlas.site import escaping
from atlas.site.given_names import NO_NAMES, GivenNames
from atlas.site.own_files import Logo, OwnFile, OwnTemplate

UNKNOWN = "https://your.site/"  # shown in snippets until a page knows its own address


@dataclass(frozen=True)
class SiteInfo:
    """A site's title, its author, the address it is published at, and a line on its licence.

    ``base`` ends in a slash; it is "" where the address isn't known. What can't stand in a URL is
    encoded in it. ``notes`` says whether there are notes to link to. The rest is the author's own:
    a style sheet after the site's, a logo, a footer in Markdown, templates in the place of the
    usual ones, and names for units; with ``raw_html``, HTML in notes and the footer as it is. All
    that decides pages is in the record's ``repr``.
    """

    title: str = "CNN Atlas"
    author: str = ""
    base: str = ""
    licence: str = ""
    notes: bool = False
    style: OwnFile | None = None
    logo: Logo | None = None
    footer: str = ""
    templates: tuple[OwnTemplate, ...] = ()
    names: GivenNames = NO_NAMES
    raw_html: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", escaping.url(self.base))

    def url(self, address: str) -> str:
        """The whole address of a file given from the site's root."""
        return (self.base or UNKNOWN) + quote(address)


@dataclass(frozen=True)
class SiteContents:
    """What a site has besides its atlases: a folder of notes, and pairs of atlases to compare.

    ``matched`` are those of the pairs whose units are matched by what activates them. A note or a
    pair that names an atlas which the site doesn't have is left out. ``atlases`` names those that
    the site will have once all is built. ``synonyms`` are words that people may search for, and the
    names that they then find.
    """

    info: SiteInfo = field(default_factory=SiteInfo)
    notes: Path | None = None
    comparisons: tuple[tuple[str, str], ...] = ()
    matched: tuple[tuple[str, str], ...] = ()
    atlases: tuple[str, ...] = ()
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NO_INFO = SiteInfo()
ALONE = SiteContents()
