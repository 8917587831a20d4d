"""What all atlases of a site share: first page, style, script, search, and what hosts ask for."""

from __future__ import annotations

from collections.abc import Sequence

import jinja2

from atlas.site.info import SiteInfo
from atlas.site.render.atlases import home_page
from atlas.site.render.base import TEMPLATES, AtlasView, page
from atlas.site.render.searching import contents


def shared_files(
    shelves: Sequence[AtlasView],
    about: SiteInfo,
    templates: jinja2.Environment,
    notes: Sequence[dict[str, str]] = (),
    comparisons: Sequence[tuple[str, str]] = (),
) -> dict[str, str]:
    """The files at a site's root, by address.

    Notes have a ``title``, an ``address`` and their ``text``; comparisons are (title, address).
    """
    titles = [(note["title"], note["address"]) for note in notes]
    robots = "User-agent: *\nAllow: /\n"
    if about.base:
        robots += f"Sitemap: {about.url('sitemap.xml')}\n"
    return {
        "index.html": home_page(shelves, titles, comparisons, about, templates),
        "404.html": _not_found(about, templates),
        "how-to-read.html": page(
            templates,
            about,
            "how-to-read.html",
            "how-to-read.html",
            ["How to read it"],
            "What the pictures and the figures of this atlas say, and what they don't",
            [("How to read it", None)],
        ),
        "search.js": contents([shelf.atlas for shelf in shelves], notes),
        "robots.txt": robots,
        ".nojekyll": "",
        **{name: (TEMPLATES / name).read_text("utf-8") for name in _AS_THEY_ARE},
    }


_AS_THEY_ARE = ("style.css", "script.js", "favicon.svg")


def _not_found(about: SiteInfo, templates: jinja2.Environment) -> str:
    """What hosts show in the place of a page that isn't there, at whatever depth.

    Its links hold there only where the site's own address is known.
    """
    text = page(
        templates, about, "404.html", "404.html", ["Not found"], "No such page", [("404", None)]
    )
    for name in ("style.css", "script.js", "favicon.svg", "index.html", "how-to-read.html"):
        if about.base:
            text = text.replace(f'"{name}', f'"{about.base}{name}')
    return text
