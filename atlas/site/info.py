"""What a site says of itself, and what it has besides its atlases."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from atlas.site import escaping

UNKNOWN = "https://your.site/"  # shown in snippets until a page knows its own address


@dataclass(frozen=True)
class SiteInfo:
    """A site's title, its author, the address it is published at, and a line on its licence.

    ``base`` ends in a slash; it is "" where the address isn't known. What can't stand in a URL is
    encoded in it.
    """

    title: str = "CNN Atlas"
    author: str = ""
    base: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", escaping.url(self.base))

    def url(self, address: str) -> str:
        """The whole address of a file given from the site's root."""
        return (self.base or UNKNOWN) + quote(address)


@dataclass(frozen=True)
class SiteContents:
    """What a site has besides its atlases: a folder of notes, and pairs of atlases to compare.

    A note or a pair that names an atlas which the site doesn't have is left out.
    """

    info: SiteInfo = field(default_factory=SiteInfo)
    notes: Path | None = None
    comparisons: tuple[tuple[str, str], ...] = ()


NO_INFO = SiteInfo()
ALONE = SiteContents()
