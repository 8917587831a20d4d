"""Whether every link of a site's pages leads to a file and every fragment to an element of it."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from atlas.errors import AtlasError

_LINK = re.compile(r'\s(?:href|src)="([^"]*)"')
_ID = re.compile(r'\sid="([^"]*)"')


@dataclass(frozen=True)
class Files:
    """The files of a site that is yet to be put together.

    Texts by address come first, then ``folders`` by the addresses they stand for, such as
    ``demo/``; then what lies in ``out`` already.
    """

    texts: Mapping[str, str]
    folders: Mapping[str, Path]
    out: Path
    _ids: dict[str, set[str]] = field(default_factory=dict)
    _there: dict[str, bool] = field(default_factory=dict)

    def path(self, address: str) -> Path:
        """Where the file of an address lies that is none of the texts."""
        for prefix, folder in self.folders.items():
            if address.startswith(prefix):
                return folder / address.removeprefix(prefix)
        return self.out / address

    def has(self, address: str) -> bool:
        """Whether there is a file at an address."""
        if address not in self._there:
            self._there[address] = address in self.texts or self.path(address).is_file()
        return self._there[address]

    def text(self, address: str) -> str:
        """The text of a page."""
        return self.texts[address] if address in self.texts else self.path(address).read_text()

    def ids(self, address: str) -> set[str]:
        """The elements of a page that a fragment may name."""
        if address not in self._ids:
            self._ids[address] = set(map(html.unescape, _ID.findall(self.text(address))))
        return self._ids[address]

    def pages(self) -> Iterable[str]:
        """All pages among the texts and in the folders."""
        yield from (address for address in self.texts if address.endswith(".html"))
        for prefix, folder in self.folders.items():
            for path in sorted(folder.rglob("*.html")):
                yield prefix + path.relative_to(folder).as_posix()


def check(files: Files, base: str = "") -> int:
    """Raise ``AtlasError`` for a link that leads nowhere; returns how many links there are.

    Links to other hosts are not followed; those to ``base``, the site's own address, are.
    """
    count = 0
    for page in files.pages():
        for link in dict.fromkeys(_LINK.findall(files.text(page))):
            count += 1
            target = html.unescape(link)
            if base and target.startswith(base):
                address, _, fragment = target.removeprefix(base).partition("#")
                address = unquote(address) or "index.html"
            elif re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
                continue
            else:
                way, _, fragment = target.partition("#")
                address = posixpath.normpath(
                    posixpath.join(posixpath.dirname(page), unquote(way)) if way else page
                )
            if not files.has(address):
                raise AtlasError(f"{page} links to {link}, which isn't there")
            if fragment and unquote(fragment) not in files.ids(address):
                raise AtlasError(f"{page} links to {link}, and {address} has no such place")
    return count
