"""Addresses: which file of an atlas holds what, relative to the atlas's own folder.

People put these into lecture notes: the same network and layer keep the same address for ever.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from atlas.data.slugs import slug


def layer_page(layer: str) -> str:
    """A layer's page."""
    return f"{layer}/index.html"


def quiz_page(layer: str) -> str:
    """A layer's quiz."""
    return f"{layer}/quiz.html"


def layer_data(layer: str) -> str:
    """A layer's data."""
    return f"{layer}/layer.json"


def filters_file(layer: str) -> str:
    """The sheet of all filters of a layer that sees the pixels themselves."""
    return f"{layer}/filters.png"


def unit_page(layer: str, unit: int) -> str:
    """A unit's page."""
    return f"{layer}/{unit}.html"


def unit_data(layer: str, unit: int) -> str:
    """A unit's data."""
    return f"{layer}/{unit}.json"


def plate_file(layer: str, unit: int) -> str:
    """A unit's plate: nine reconstructions and nine patches in one image."""
    return f"{layer}/{unit}.webp"


def thumbnail_file(layer: str, unit: int) -> str:
    """The same plate, small, as it stands beside links."""
    return f"{layer}/small/{unit}.webp"


def tried_file(layer: str, unit: int) -> str:
    """A plate of the control twin's reconstructions, and of what was kept of the patches."""
    return f"{layer}/tried/{unit}.webp"


def rule_file(layer: str, unit: int, rule: str) -> str:
    """The nine reconstructions of a unit by another rule, side by side."""
    return f"{layer}/rules/{rule}/{unit}.webp"


def spectrum_file(layer: str, unit: int) -> str:
    """Patches of images that activate a unit less strongly than its nine."""
    return f"{layer}/spectrum/{unit}.webp"


def picture_file(layer: str, unit: int) -> str:
    """The same plate as JPEG, for LaTeX, slides and link previews."""
    return f"{layer}/{unit}.jpg"


def figure_file(layer: str, form: str) -> str:
    """A few of a layer's units on one figure, as "png" or "svg"."""
    return f"{layer}/figure.{form}"


INVENTORY = "objects.inv"  # the names by which Sphinx and its like link to layers and units


def kit_file(layer: str) -> str:
    """What the script makes texts to copy of, for all units of a layer."""
    return f"{layer}/kit.js"


def embed_page(layer: str, unit: int) -> str:
    """A unit as a small card for an iframe."""
    return f"{layer}/embed/{unit}.html"


def oembed_file(layer: str, unit: int) -> str:
    """What says how to embed a unit, where the site's own address is known."""
    return f"{layer}/{unit}.oembed.json"


def search_file(shard: int) -> str:
    """A part of what the search looks through."""
    return f"search/{shard}.js"


def mark(layer: str, unit: int) -> str:
    """The fragment of an image's page that shows where a unit looks."""
    return f"{layer.replace('/', '.')}-{unit}"


def image_page(image: int) -> str:
    """A stimulus's page: the units that it is among the nine of."""
    return f"images/{image // 1000}/{image}.html"


def image_file(image: int) -> str:
    """A stimulus that is among some unit's nine; at most a thousand stand in a folder."""
    return f"images/{image // 1000}/{image}.webp"


def label_folder(kind: str, layers: Iterable[str]) -> str:
    """The folder of the pages of "classes" or "concepts": another one if a layer is called so."""
    taken = {layer.split("/")[0].lower() for layer in layers}
    folder = kind
    while folder in taken:
        folder += "_"
    return folder


def label_list(folder: str) -> str:
    """The list of all classes or concepts, in the folder of their pages."""
    return f"{folder}/index.html"


def label_page(folder: str, name: str) -> str:
    """The page of a class or concept, in the folder of its kind."""
    return f"{folder}/{slug(name)}.html"


def relative(target: str, page: str) -> str:
    """A link from a page to a file, both given from the same root.

    A target that ends in a slash is a folder, and so does the link.
    """
    return _relative(target, page.rpartition("/")[0])


@functools.lru_cache(maxsize=1 << 14)  # pages of one folder have many links in common
def _relative(target: str, folder: str) -> str:
    above, own = folder.split("/") if folder else [], target.split("/")
    same = 0
    while same < min(len(above), len(own) - 1) and above[same] == own[same]:
        same += 1
    return "../" * (len(above) - same) + "/".join(own[same:])
