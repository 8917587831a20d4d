"""The site's first page: its atlases, each in pictures from its first layer to its last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atlas.data.records import AtlasData
from atlas.site import phrases
from atlas.site.render.base import Anchor, Head, PageAddress, Renderer
from atlas.site.render.overview import LayerStrip, strip
from atlas.site.render.picture_views import PictureViews, of_plates
from atlas.site.render.view import AtlasView

LAYERS = 6  # of an atlas, at most


@dataclass(frozen=True)
class AtlasStrip:
    """An atlas by a few of its layers."""

    name: str
    page: str
    facts: str
    credit: str
    layers: tuple[LayerStrip, ...]


@dataclass(frozen=True)
class HomePage:
    """What the first page shows."""

    atlases: tuple[AtlasStrip, ...]
    views: PictureViews | None
    notes: tuple[Anchor, ...]
    comparisons: tuple[Anchor, ...]


def home_page(
    views: Sequence[AtlasView],
    renderer: Renderer,
    *,
    notes: Sequence[Anchor] = (),
    comparisons: Sequence[Anchor] = (),
) -> str:
    """The first page; notes and comparisons are linked from the site's root."""
    page = PageAddress("index.html")
    head = Head(
        address=page.address,
        title=(),
        description="What every unit of a convolutional network responds to",
    )
    atlases = tuple(
        AtlasStrip(
            name=view.name,
            page=view.link("index.html", page),
            facts=phrases.atlas_lead(view.atlas),
            credit=phrases.credit(view.atlas),
            layers=tuple(
                strip(view, view.layers[name], page) for name in chosen_layers(view.atlas)
            ),
        )
        for view in views
    )
    offered = of_plates(patches=any(view.atlas.pictures for view in views))
    content = HomePage(atlases, offered, tuple(notes), tuple(comparisons))
    return renderer.page("home.html", head, content)


def chosen_layers(atlas: AtlasData) -> list[str]:
    """A few layers from the first to the last, evenly spread; linear ones only if all are."""
    names = [s.layer for s in atlas.summary if s.kind != "linear"] or list(atlas.layers)
    if len(names) <= LAYERS:
        return names
    return [names[round(i * (len(names) - 1) / (LAYERS - 1))] for i in range(LAYERS)]
