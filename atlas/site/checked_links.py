"""Check the links of a site, unless all that the last check looked at is as it was then."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from atlas.data.documents import Document
from atlas.errors import AtlasError
from atlas.site import links, markup
from atlas.site.links import Files
from atlas.site.page_digests import of_contents


class Checked(Struct, frozen=True):
    """What a check that found no fault looked at.

    ``own`` is a digest of the pages, the addresses of all files, and the source of the check;
    ``elsewhere`` holds a digest of each file among those already published that a link led to.
    """

    own: str
    elsewhere: dict[str, str]


CHECKED = Document(".links", Checked)


def check(files: Files, base: str, folder: Path) -> None:
    """Check as ``links.check`` does; ``folder`` is the new atlas's, where the result is kept."""
    own = of_contents(_inputs(files, base))
    try:
        before = CHECKED.read(folder)
    except AtlasError:
        before = Checked("", {})
    if before.own == own and before.elsewhere == _elsewhere(files, before.elsewhere):
        return
    links.check(files, base)
    CHECKED.write(folder, Checked(own, _elsewhere(files, files.consulted)))


def _inputs(files: Files, base: str) -> Iterator[tuple[str, bytes]]:
    """All that decides a check, but for the files already published: (name, content)."""
    yield "base", base.encode()
    for module in (links, markup):
        yield module.__name__, Path(inspect.getfile(module)).read_bytes()
    own = CHECKED.path(Path()).name
    yield from ((file, b"") for file in sorted(files.listed) if Path(file).name != own)
    for address in (*files.pages(), *files.styles()):
        yield address, files.content(address)


def _elsewhere(files: Files, addresses: Iterable[str]) -> dict[str, str]:
    """A digest of each file among those already published, "" for one that isn't there."""
    return {address: _digest(files, address) for address in sorted(addresses)}


def _digest(files: Files, address: str) -> str:
    if not files.has(address):
        return ""
    return hashlib.blake2b(files.content(address), digest_size=16).hexdigest()
