"""The page at an address that an earlier build had a page at."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from atlas.site.render.base import Anchor, Crumb, Head, PageAddress, Renderer


@dataclass(frozen=True)
class GonePage:
    """What such a page shows: what was there, and the nearest page that there is."""

    name: str
    nearest: Anchor


def gone_page(address: str, *, nearest: str, renderer: Renderer) -> str:
    """A page that leads to the nearest there is: the layer's, the atlas's, or the first.

    Both addresses are from the site's root.
    """
    name = posixpath.splitext(address.removesuffix("/index.html"))[0]
    head = Head(
        address=address,
        title=(name,),
        description=f"{name} is not shown any more",
        crumbs=(Crumb(name),),
    )
    text = posixpath.dirname(nearest) or renderer.info.title
    content = GonePage(name, Anchor(text, PageAddress(address).to(nearest)))
    return renderer.page("gone.html", head, content)
