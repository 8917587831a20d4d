"""Check that every link of a site leads to a file, and every fragment to an element of its page."""

from __future__ import annotations

import functools
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from atlas.errors import AtlasError
from atlas.site import markup
from atlas.site.markup import ANY, Markup
from atlas.site.sharing import Turns, processes, shared

# a path without empty steps and steps that begin with a dot
_STRAIGHT = re.compile(r"[^./][^/]*+(?:/[^./][^/]*+)*+")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


@dataclass
class _Known:
    """What was found out about files, by address; ``ahead`` are pages read for their ids alone."""

    ids: dict[str, frozenset[str]] = field(default_factory=dict)
    ahead: dict[str, Markup] = field(default_factory=dict)
    exists: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Files:
    """The files of a site before it is published, by address from the site's root.

    ``texts`` come first. Next come ``folders``, by the prefix of their addresses, such as
    ``demo/``; then the files already in ``out``. A folder's files are listed when they are first
    asked for.
    """

    texts: Mapping[str, str | bytes]
    folders: Mapping[str, Path]
    out: Path
    _known: _Known = field(default_factory=_Known, init=False, repr=False, compare=False)

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
        if address not in self._known.exists:
            self._known.exists[address] = self.path(address).is_file()
        return self._known.exists[address]

    @property
    def consulted(self) -> frozenset[str]:
        """The addresses in ``out`` that were asked for; not all of them are there."""
        return frozenset(self._known.exists)

    def add_consulted(self, addresses: Iterable[str]) -> None:
        """Look for addresses in ``out`` that another process asked for."""
        for address in addresses:
            self.has(address)

    def content(self, address: str) -> bytes:
        """The bytes of a file. Raises ``OSError`` if the site doesn't have it."""
        if address in self.texts:
            text = self.texts[address]
            return text.encode() if isinstance(text, str) else text
        return self.path(address).read_bytes()

    def text(self, address: str) -> str:
        """The text of a page. Raises ``OSError`` if the site doesn't have the page."""
        return self.content(address).decode()

    def markup(self, address: str) -> Markup:
        """What a page says of its links and ids; of these it keeps the ids."""
        read = self._known.ahead.pop(address, None) or markup.of_page(self.text(address))
        self._known.ids[address] = read.ids
        return read

    def ids(self, address: str) -> frozenset[str]:
        """The ids of a page's elements, which a fragment may name."""
        if address not in self._known.ids:
            self._known.ahead[address] = self.markup(address)
        return self._known.ids[address]

    def pages(self) -> Iterator[str]:
        """The addresses of all pages among the texts and in the folders."""
        return self._ending(".html")

    def styles(self) -> Iterator[str]:
        """The addresses of all style sheets among the texts and in the folders."""
        return self._ending(".css")

    def _ending(self, end: str) -> Iterator[str]:
        return (address for address in [*self.texts, *sorted(self.listed)] if address.endswith(end))


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
    """Count the different links of each page and style sheet; check those that stay on the site.

    ``base`` is the site's own address on the web: links that start with it are checked, links to
    other hosts are not. Raises ``AtlasError`` for a link that leads to no file or no element.
    """
    pages = [*files.pages(), *files.styles()]
    own = partial(_checked, files, pages, base)
    with shared(processes(len(pages)), own) as (turns, others):
        found = [own(turns), *others]
    wrong = [one.wrong for one in found if one.wrong]
    if wrong:
        raise AtlasError(min(wrong)[1])
    for one in found:
        files.add_consulted(one.consulted)
    return sum(one.links for one in found)


class _Checked(NamedTuple):
    """What a process found: how many links there are, the first wrong one, what was asked for."""

    links: int
    wrong: tuple[int, str] | None
    consulted: frozenset[str]


def _checked(files: Files, pages: Sequence[str], base: str, turns: Turns) -> _Checked:
    """Check a process's own pages and style sheets; stops at the first that is wrong."""
    count = 0
    checked: set[tuple[str, str]] = set()  # pages of one folder have many links in common
    for number, page in turns.take(list(enumerate(pages))):
        try:
            folder = posixpath.dirname(page)
            for link in _links_of(files, page):
                count += 1
                known = (page if link.startswith("#") else folder, link)
                if known not in checked:
                    checked.add(known)
                    _check(files, page, link, base)
        except AtlasError as error:
            return _Checked(count, (number, str(error)), files.consulted)
    return _Checked(count, None, files.consulted)


def _check(files: Files, page: str, link: str, base: str) -> None:
    target = _target(link, page, base)
    if target is None:
        return
    if not files.has(target.address):
        raise AtlasError(f"{page} links to {link}, which isn't there")
    if target.fragment and files.ids(target.address).isdisjoint({target.fragment, ANY}):
        raise AtlasError(f"{page} links to {link}, and {target.address} has no such place")


def _links_of(files: Files, page: str) -> Iterable[str]:
    """The different links of a page or a style sheet."""
    if page.endswith(".css"):
        return dict.fromkeys(markup.of_style(files.text(page)))
    read = files.markup(page)
    if read.base:
        raise AtlasError(f"{page} has <base>: its links would lead elsewhere")
    return read.links


def _target(link: str, page: str, base: str) -> Target | None:
    """Where a link of a page leads; None if that is another host."""
    if base and link.startswith(base):
        path, _, fragment = link.removeprefix(base).partition("#")
        return Target(unquote(path.partition("?")[0]) or "index.html", unquote(fragment))
    if _ELSEWHERE.match(link):
        return None
    path, _, fragment = link.partition("#")
    path = unquote(path.partition("?")[0])
    folder, rest = posixpath.dirname(page), path
    while folder and rest.startswith("../"):
        folder, rest = folder.rpartition("/")[0], rest[3:]
    if _STRAIGHT.fullmatch(rest):  # as nearly all are
        return Target(f"{folder}/{rest}" if folder else rest, unquote(fragment))
    beside = posixpath.join(posixpath.dirname(page), path) if path else page
    return Target(posixpath.normpath(beside), unquote(fragment))
