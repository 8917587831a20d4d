"""The site's first page: the deepest units of its atlases, and the way into each.

With one atlas it is that atlas's own page, with what the site has besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atlas.data.records import AtlasData
from atlas.site import atlas_phrases
from atlas.site.render.base import Anchor, Head, PageAddress, Renderer
from atlas.site.render.overview import LayerStrip, Opening, Site, opening, overview, strip
from atlas.site.render.picture_views import PictureViews, of_plates
from atlas.site.render.view import AtlasView

LAYERS = 6  # of an atlas, at most


@dataclass(frozen=True)
class AtlasStrip:
    """An atlas: its deepest units, and one unit of each of a few layers, from deep to shallow."""

    page: str
    opening: Opening
    credit: str
    layers: tuple[LayerStrip, ...]


@dataclass(frozen=True)
class HomePage:
    """What the first page shows of none or several atlases."""

    title: str
    atlases: tuple[AtlasStrip, ...]
    views: PictureViews | None
    site: Site


def home_page(
    views: Sequence[AtlasView],
    renderer: Renderer,
    *,
    notes: Sequence[Anchor] = (),
    comparisons: Sequence[Anchor] = (),
) -> str:
    """The first page; notes and comparisons are linked from the site's root."""
    page = PageAddress("index.html")
    site = Site(tuple(notes), tuple(comparisons))
    if len(views) == 1:
        (view,) = views
        own = view.head("index.html", description=atlas_phrases.about(view.atlas) or _DESCRIPTION)
        head = Head(
            address=page.address,
            title=own.title,
            description=own.description,
            atlas=view.name,
            menu=own.menu,
            canonical=own.address,
        )
        return renderer.page("atlas.html", head, overview(view, page, site))
    head = Head(address=page.address, title=(), description=_DESCRIPTION)
    offered = of_plates(patches=any(view.atlas.pictures for view in views))
    atlases = tuple(_atlas(view, page) for view in views)
    content = HomePage(renderer.info.title, atlases, offered, site)
    return renderer.page("home.html", head, content)


_DESCRIPTION = "The image patches that excite each unit of a convolutional network most"


def _atlas(view: AtlasView, page: PageAddress) -> AtlasStrip:
    return AtlasStrip(
        page=view.link("index.html", page),
        opening=opening(view, page),
        credit=atlas_phrases.credit(view.atlas),
        layers=tuple(
            strip(view, view.layers[name], page, count=1)
            for name in reversed(chosen_layers(view.atlas))
        ),
    )


def chosen_layers(atlas: AtlasData) -> list[str]:
    """A few layers from the first to the last, evenly spread; linear ones only if all are."""
    names = [s.layer for s in atlas.summary if s.kind != "linear"] or list(atlas.layers)
    if len(names) <= LAYERS:
        return names
    return [names[round(i * (len(names) - 1) / (LAYERS - 1))] for i in range(LAYERS)]
