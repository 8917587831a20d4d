"""The atlas's ``objects.inv``, by which Sphinx, MyST and Jupyter Book link to it by name."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from urllib.parse import quote

from atlas.data import addresses
from atlas.site.escaping import folded
from atlas.site.render.snippets import global_name
from atlas.site.render.view import AtlasView


def files(view: AtlasView) -> Iterator[tuple[str, bytes]]:
    """The inventory: (address within the atlas, its bytes)."""
    yield addresses.INVENTORY, inventory(view)


def inventory(view: AtlasView) -> bytes:
    """The name and page of every layer and unit, in version 2 of the format."""
    lines = [f"{view.name} std:doc -1 index.html {view.name}"]
    for layer in view.layers.values():
        pages = {layer.layer: addresses.layer_page(layer.layer)}
        for unit in layer.top:
            name = f"{layer.layer}/{unit.unit}"
            pages[name] = addresses.unit_page(layer.layer, unit.unit)
        lines += (
            f"{global_name(view, name)} std:doc -1 {quote(page)} {folded(name)}"
            for name, page in pages.items()
        )
    head = (
        "# Sphinx inventory version 2\n"
        f"# Project: {view.name}\n"
        "# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    return head.encode() + zlib.compress("".join(line + "\n" for line in lines).encode(), 9)
