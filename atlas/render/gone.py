"""What stands at an address that an earlier build had a page at."""

from __future__ import annotations

import posixpath
from pathlib import Path

import jinja2

from atlas.about import About
from atlas.render.base import Place, page


def gone_page(
    atlas: str, file: str, folder: Path, about: About, templates: jinja2.Environment
) -> str:
    """A page that leads to the nearest there is: the layer's, or the atlas's.

    ``file`` is within the atlas's folder.
    """
    above = posixpath.dirname(file)
    while above and not (folder / above / "index.html").is_file():
        above = posixpath.dirname(above)
    here = Place(f"{atlas}/{file}")
    name = posixpath.splitext(file.removesuffix("/index.html"))[0]
    target = posixpath.join(atlas, above, "index.html")
    return page(
        templates,
        about,
        "gone.html",
        here.address,
        [name, atlas],
        f"{name} is not shown any more",
        [(atlas, f"{atlas}/index.html"), (name, None)],
        name=name,
        atlas_name=atlas,
        target=here.to(target),
        target_name=above or atlas,
    )
