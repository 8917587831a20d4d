"""Pictures that an experiment drew: where they are, and how large, so that nothing moves later."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from atlas.data.records import Pair
from atlas.site.render.base import PageAddress
from atlas.site.render.view import AtlasView


@dataclass(frozen=True)
class Drawn:
    """A picture: the link to its file, and its height and width in pixels."""

    source: str
    size: Pair


def drawn(view: AtlasView, file: str, page: PageAddress) -> Drawn | None:
    """The picture at this address in the atlas's folder, if it may be shown there."""
    path = view.folder / file
    if not path.is_file():
        return None
    with Image.open(path) as picture:  # reads the head alone
        return Drawn(view.link(file, page), (picture.height, picture.width))
