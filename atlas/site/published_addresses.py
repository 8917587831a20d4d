"""The addresses of an atlas's pages: once published, each keeps a page for ever.

``addresses.txt`` in an atlas's folder lists every page that the atlas ever had. The next build
reads it from the published atlas before it replaces that atlas.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from pathlib import Path

from atlas.data.documents import read_atlas
from atlas.site import files
from atlas.site.info import NO_INFO, SiteInfo
from atlas.site.render.base import Renderer
from atlas.site.render.gone import gone_page

ADDRESSES = "addresses.txt"


def listed(folder: Path) -> list[str]:
    """The pages that an atlas ever had, relative to its folder; empty without a list."""
    path = folder / ADDRESSES
    return path.read_text("utf-8").splitlines() if path.is_file() else []


def add_listed(folder: Path, known: Iterable[str]) -> None:
    """List the pages in ``folder`` and those already ``known``."""
    pages = {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}
    files.renew(folder / ADDRESSES, "".join(f"{page}\n" for page in sorted(pages.union(known))))


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
