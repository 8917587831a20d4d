"""What stands at an address that an earlier build had a page at."""

from __future__ import annotations

import posixpath

import jinja2

from atlas.site.info import SiteInfo
from atlas.site.render.base import PageAddress, page


def gone_page(address: str, nearest: str, about: SiteInfo, templates: jinja2.Environment) -> str:
    """A page that leads to the nearest there is: the layer's, the atlas's, or the first.

    Both addresses are from the site's root.
    """
    name = posixpath.splitext(address.removesuffix("/index.html"))[0]
    return page(
        templates,
        about,
        "gone.html",
        address,
        [name],
        f"{name} is not shown any more",
        [(name, None)],
        name=name,
        target=PageAddress(address).to(nearest),
        target_name=posixpath.dirname(nearest) or about.title,
    )
