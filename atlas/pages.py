"""Addresses: which file of an atlas holds what, relative to the atlas's own folder.

People put these into lecture notes: the same network and layer keep the same address for ever.
"""

from __future__ import annotations

import posixpath


def layer_page(layer: str) -> str:
    """A layer's page."""
    return f"{layer}/index.html"


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


def image_file(image: int) -> str:
    """A stimulus that is among some unit's nine; at most a thousand stand in a folder."""
    return f"images/{image // 1000}/{image}.webp"


def relative(target: str, page: str) -> str:
    """A link from a page to a file, both given from the same root."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")
