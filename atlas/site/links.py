"""Check that every link of a site leads to a file, and every fragment to an element of its page."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from atlas.errors import AtlasError

_LINK = re.compile(r'\s(?:href|src)="([^"]*)"')
_ID = re.compile(r'\sid="([^"]*)"')
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True)
class Files:
    """The files of a site before it is published, by address from the site's root.

    ``texts`` come first. Next come ``folders``, by the prefix of their addresses, such as
    ``demo/``; then the files already in ``out``.
    """

    texts: Mapping[str, str]
    folders: Mapping[str, Path]
    out: Path
    _ids: dict[str, set[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _has: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def path(self, address: str) -> Path:
        """The path on disk for an address that is not among the texts."""
        for prefix, folder in self.folders.items():
            if address.startswith(prefix):
                return folder / address.removeprefix(prefix)
        return self.out / address

    def has(self, address: str) -> bool:
        """Whether the site has a file at an address."""
        if address not in self._has:
            self._has[address] = address in self.texts or self.path(address).is_file()
        return self._has[address]

    def text(self, address: str) -> str:
        """The text of a page. Raises ``OSError`` if the site doesn't have the page."""
        if address in self.texts:
            return self.texts[address]
        return self.path(address).read_text("utf-8")

    def ids(self, address: str) -> set[str]:
        """The ids of a page's elements, which a fragment may name."""
        if address not in self._ids:
            self._ids[address] = {html.unescape(text) for text in _ID.findall(self.text(address))}
        return self._ids[address]

    def pages(self) -> Iterator[str]:
        """The addresses of all pages among the texts and in the folders."""
        yield from (address for address in self.texts if address.endswith(".html"))
        for prefix, folder in self.folders.items():
            for path in sorted(folder.rglob("*.html")):
                yield prefix + path.relative_to(folder).as_posix()


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
    for page in files.pages():
        for link in dict.fromkeys(_LINK.findall(files.text(page))):
            count += 1
            target = _target(html.unescape(link), page, base)
            if target is None:
                continue
            if not files.has(target.address):
                raise AtlasError(f"{page} links to {link}, which isn't there")
            if target.fragment and target.fragment not in files.ids(target.address):
                raise AtlasError(f"{page} links to {link}, and {target.address} has no such place")
    return count


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
