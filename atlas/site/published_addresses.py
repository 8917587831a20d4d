"""The addresses of an atlas's pages: once published, each keeps a page for ever.

``addresses.txt`` in an atlas's folder lists every page that the atlas ever had. The next build
reads it from the published atlas before it replaces that atlas. A digest lies beside it: where the
list isn't as it was written, the pages that stand there take its place, for it lists no others.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from atlas.data.documents import Document, read_atlas
from atlas.errors import AtlasError
from atlas.site import files
from atlas.site.info import NO_INFO, SiteInfo
from atlas.site.render.base import Renderer
from atlas.site.render.gone import gone_page

ADDRESSES = "addresses.txt"


class _Listed(Struct, frozen=True):
    """The digest of a list of addresses."""

    digest: str


LISTED = Document(".addresses", _Listed)


def listed(folder: Path) -> list[str]:
    """The pages that an atlas ever had, relative to its folder; empty without a list.

    What a list names outside the folder is passed over.
    """
    if not are_whole(folder):
        return sorted(_pages(folder))
    path = folder / ADDRESSES
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return [line for line in lines if _is_inside(line)]


def are_whole(folder: Path) -> bool:
    """Whether an atlas's list is as it was written, as far as one can tell."""
    try:
        wanted = LISTED.read(folder).digest
    except AtlasError:  # an older version of this program left none
        return not LISTED.path(folder).exists()
    try:
        return _digest((folder / ADDRESSES).read_bytes()) == wanted
    except OSError:
        return False


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _is_inside(page: str) -> bool:
    parts = page.split("/")
    return page.endswith(".html") and not {"", ".", ".."}.intersection(parts) and "\0" not in page


def _pages(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}


def add_listed(folder: Path, known: Iterable[str]) -> None:
    """List the pages in ``folder`` and those already ``known``."""
    content = "".join(f"{page}\n" for page in sorted(_pages(folder).union(known)))
    files.renew(folder / ADDRESSES, content)
    files.renew(LISTED.path(folder), LISTED.encoded(_Listed(_digest(content.encode()))))


def keep_addresses(folder: Path, *, published: Path, info: SiteInfo = NO_INFO) -> list[str]:
    """Give the new build in ``folder`` a page at every address of the atlas in ``published``.

    Where the build has no page of its own, a page says that the unit or layer is no longer shown
    and links to the nearest page that exists. Returns the addresses where ``published`` has
    another page than that.

    Raises ``AtlasError`` if ``folder`` holds no atlas that this program reads.
    """
    known = listed(published)
    missing = [page for page in known if not (folder / page).is_file()]
    name, renderer = read_atlas(folder).name, Renderer(info)
    changed = []
    for page in missing:
        nearest = f"{name}/{_nearest(folder, page)}"
        text = gone_page(f"{name}/{page}", nearest=nearest, renderer=renderer)
        files.renew(folder / page, text)
        if not files.has_content(published / page, text):
            changed.append(page)
    add_listed(folder, known)
    return changed


def _nearest(folder: Path, page: str) -> str:
    """The first page of an atlas on the way up from a missing one: its layer's, or the atlas's."""
    above = posixpath.dirname(page)
    while above and not (folder / above / "index.html").is_file():
        above = posixpath.dirname(above)
    return posixpath.join(above, "index.html")
