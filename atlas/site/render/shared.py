"""What all atlases of a site share: first page, style, script, search, and what hosts ask for."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from atlas.site.own_files import TEMPLATES
from atlas.site.render.base import Anchor, Crumb, Entry, Head, Renderer
from atlas.site.render.home import home_page
from atlas.site.render.search import SYNONYMS, Synonyms, main_text, site_index
from atlas.site.render.view import AtlasView

_UNCHANGED = (
    "style.css",
    "script.js",
    "views.js",
    "show.js",
    "find.js",
    "live.css",
    "rules.css",
    "experiments.css",
    "live-engine.js",
    "live-pictures.js",
    "live.js",
    "map.js",
    "moments.js",
    "figures.js",
    "favicon.svg",
)  # files of the templates' folder


@dataclass(frozen=True)
class EmptyPage:
    """A page whose template says all."""


def shared_files(
    views: Sequence[AtlasView],
    renderer: Renderer,
    *,
    notes: Sequence[Entry] = (),
    comparisons: Sequence[Anchor] = (),
    found: Iterable[Entry] = (),
    synonyms: Synonyms = SYNONYMS,
) -> dict[str, str | bytes]:
    """The files at a site's root, by address; notes and comparisons are linked from there.

    The search finds these, and the pages of atlases in ``found``.
    """
    info = renderer.info
    robots = "User-agent: *\nAllow: /\n"
    if info.base:
        robots += f"Sitemap: {info.url('sitemap.xml')}\n"
    menu = views[0].menu() if len(views) == 1 else ()
    how_to_read = renderer.page("how-to-read.html", replace(_HOW_TO_READ, menu=menu), EmptyPage())
    entries = [
        Entry(_HOW_TO_READ.title[0], _HOW_TO_READ.address, main_text(how_to_read), "page"),
        *notes,
        *(Entry(one.text, one.href, "", "comparison") for one in comparisons),
        *found,
    ]
    return {
        "index.html": home_page(
            views,
            renderer,
            notes=[Anchor(note.title, note.address) for note in notes],
            comparisons=comparisons,
        ),
        "404.html": _not_found(renderer, menu),
        "how-to-read.html": how_to_read,
        "search.js": site_index([view.atlas for view in views], entries, synonyms),
        "robots.txt": robots,
        ".nojekyll": "",
        **{name: (TEMPLATES / name).read_text("utf-8") for name in _UNCHANGED},
        **{one.name: one.source for one in info.templates if one.name in _UNCHANGED},
        **{one.address: one.content for one in (info.style, info.logo) if one},
    }


_HOW_TO_READ = Head(
    address="how-to-read.html",
    title=("How to read it",),
    description="What the pictures and the figures of this atlas say, and what they don't",
    crumbs=(Crumb("How to read it"),),
)
_NOT_FOUND = Head(
    address="404.html",
    title=("Not found",),
    description="No such page",
    crumbs=(Crumb("404"),),
)


def _not_found(renderer: Renderer, menu: tuple[Crumb, ...]) -> str:
    """What hosts show in the place of a page that isn't there, at whatever depth.

    Its links work there only where the site's own address is known.
    """
    text = renderer.page("404.html", replace(_NOT_FOUND, menu=menu), EmptyPage())
    info = renderer.info
    own = [one.address for one in (info.style, info.logo) if one]
    linked = [crumb.address for crumb in menu]
    for name in (*_UNCHANGED, *own, *linked, "index.html", "how-to-read.html"):
        if info.base:
            text = text.replace(f'"{name}', f'"{info.base}{name}')
    return text


def sitemap(addresses: Iterable[str], base: str) -> str:
    """The pages of a site, for search engines; ``base`` is the site's own address."""
    urls = "".join(f"<url><loc>{html.escape(base + quote(a))}</loc></url>\n" for a in addresses)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    )
