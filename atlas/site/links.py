"""Check that every link of a site leads to a file, and every fragment to an element of its page."""

from __future__ import annotations

import functools
import html
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from atlas.errors import AtlasError

_LINK = re.compile(r' (?:href|src)="([^"]*)"')
_ID = re.compile(r' id="([^"]*)"')
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True)
class Files:
    """The files of a site before it is published, by address from the site's root.

    ``texts`` come first. Next come ``folders``, by the prefix of their addresses, such as
    ``demo/``; then the files already in ``out``. A folder's files are listed when they are first
    asked for.
    """

    texts: Mapping[str, str]
    folders: Mapping[str, Path]
    out: Path
    _ids: dict[str, set[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _has: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @functools.cached_property
    def listed(self) -> frozenset[str]:
        """The addresses of all files in the folders."""
        return frozenset(
            prefix + file for prefix, folder in self.folders.items() for file in _files_in(folder)
        )

    def path(self, address: str) -> Path:
        """The path on disk for an address that is not among the texts."""
        for prefix, folder in self.folders.items():
            if address.startswith(prefix):
                return folder / address.removeprefix(prefix)
        return self.out / address

    def has(self, address: str) -> bool:
        """Whether the site has a file at an address."""
        if address in self.texts or address in self.listed:
            return True
        if address.startswith(tuple(self.folders)):
            return False
        if address not in self._has:
            self._has[address] = self.path(address).is_file()
        return self._has[address]

    def text(self, address: str) -> str:
        """The text of a page. Raises ``OSError`` if the site doesn't have the page."""
        if address in self.texts:
            return self.texts[address]
        return self.path(address).read_text("utf-8")

    def ids(self, address: str) -> set[str]:
        """The ids of a page's elements, which a fragment may name."""
        if address not in self._ids:
            self._ids[address] = {html.unescape(text) for text in _values(_ID, self.text(address))}
        return self._ids[address]

    def pages(self) -> Iterator[str]:
        """The addresses of all pages among the texts and in the folders."""
        for address in [*self.texts, *sorted(self.listed)]:
            if address.endswith(".html"):
                yield address


def _files_in(folder: Path) -> Iterator[str]:
    """All files below a folder, relative to it."""
    for place, _, names in os.walk(folder):
        below = Path(place).relative_to(folder).as_posix()
        yield from (name if below == "." else f"{below}/{name}" for name in names)


@dataclass(frozen=True)
class Target:
    """Where a link leads: the address of a file, and an element's id or an empty string."""

    address: str
    fragment: str


def check(files: Files, base: str = "") -> int:
    """Count the different links of each page, and check those that stay on the site.

    ``base`` is the site's own address on the web: links that start with it are checked, links to
    other hosts are not. Raises ``AtlasError`` for a link that leads to no file or no element.
    """
    count = 0
    checked: set[tuple[str, str]] = set()  # pages of one folder have many links in common
    for page in files.pages():
        folder = posixpath.dirname(page)
        for link in _values(_LINK, files.text(page)):
            count += 1
            known = (page if link.startswith("#") else folder, link)
            if known in checked:
                continue
            checked.add(known)
            target = _target(html.unescape(link), page, base)
            if target is None:
                continue
            if not files.has(target.address):
                raise AtlasError(f"{page} links to {link}, which isn't there")
            if target.fragment and target.fragment not in files.ids(target.address):
                raise AtlasError(f"{page} links to {link}, and {target.address} has no such place")
    return count


def _values(attribute: re.Pattern[str], text: str) -> dict[str, None]:
    """The different values of an attribute on a page, in order.

    A pattern that begins with a space, not with any white space, is found three times sooner.
    """
    return dict.fromkeys(attribute.findall(text.replace("\n", " ").replace("\t", " ")))


def _target(link: str, page: str, base: str) -> Target | None:
    """Where a link of a page leads; None if that is another host."""
    if base and link.startswith(base):
        path, _, fragment = link.removeprefix(base).partition("#")
        return Target(unquote(path) or "index.html", unquote(fragment))
    if _SCHEME.match(link):
        return None
    path, _, fragment = link.partition("#")
    beside = posixpath.join(posixpath.dirname(page), unquote(path)) if path else page
    return Target(posixpath.normpath(beside), unquote(fragment))
