"""The lecture kit: what to paste where to show or cite a layer or unit elsewhere."""

from __future__ import annotations

import html
import json
import zlib
from collections.abc import Iterable

from atlas.data import addresses
from atlas.data.records import LayerData, Unit
from atlas.drawing import figures
from atlas.site import phrases
from atlas.site.render.base import AtlasView

EMBED = 640, 400  # the size of an embedded card, in pixels

Snippets = list[tuple[str, str]]  # what it is for, and what to paste


def of_unit(shelf: AtlasView, layer: LayerData, unit: Unit) -> Snippets:
    """Snippets for one unit."""
    name = f"{layer.layer}/{unit.unit}"
    page = shelf.address(addresses.unit_page(layer.layer, unit.unit))
    url, text = shelf.about.url(page), f"{name} of {shelf.name}"
    found = [("Link", url)]
    if shelf.lean:
        return [*found, ("BibTeX", phrases.bibtex(shelf.atlas, shelf.about, name, page))]
    if unit.nine:
        form = addresses.picture_file if shelf.atlas.images["jpeg"] else addresses.plate_file
        picture = shelf.about.url(shelf.address(form(layer.layer, unit.unit)))
        found += _pictures(text, phrases.plate(layer, unit), url, picture, _label(shelf, name))
    found.append(("iframe", iframe(shelf, layer, unit)))
    target = _name(shelf, name)
    found.append(("Sphinx", f":external+{shelf.name}:doc:`{name} <{target}>`"))
    found.append(("MyST", f"[{name}](inv:{shelf.name}#{target})"))
    found.append(("BibTeX", phrases.bibtex(shelf.atlas, shelf.about, name, page)))
    return found


def of_layer(shelf: AtlasView, layer: LayerData, figure: bool) -> Snippets:
    """Snippets for one layer."""
    name = layer.layer
    page = shelf.address(addresses.layer_page(name))
    url, text = shelf.about.url(page), f"{name} of {shelf.name}"
    found = [("Link", url)]
    if figure:
        picture = shelf.about.url(shelf.address(addresses.figure_file(name, "png")))
        title = figures.title(layer)
        found += _pictures(text, title, url, picture, _label(shelf, name))
    found.append(("BibTeX", phrases.bibtex(shelf.atlas, shelf.about, name, page)))
    return found


def iframe(shelf: AtlasView, layer: LayerData, unit: Unit) -> str:
    """The element that shows a unit's card on somebody's page."""
    address = shelf.about.url(shelf.address(addresses.embed_page(layer.layer, unit.unit)))
    width, height = EMBED
    title = html.escape(f"{layer.layer}/{unit.unit} of {shelf.name}")
    return f'<iframe src="{address}" width="{width}" height="{height}" title="{title}"></iframe>'


def _pictures(text: str, alt: str, url: str, picture: str, label: str) -> Snippets:
    alt_ = html.escape(alt)
    file = picture.rpartition("/")[2]
    latex = (
        f"% {picture}\n\\begin{{figure}}\n  \\includegraphics[width=\\linewidth]{{{file}}}\n"
        f"  \\caption{{{_latex(text)}, \\url{{{url}}}}}\n  \\label{{fig:{label}}}\n\\end{{figure}}"
    )
    return [
        ("Markdown", f"[![{alt}]({picture})]({url})"),
        ("HTML", f'<a href="{url}"><img src="{picture}" alt="{alt_}"></a>'),
        ("LaTeX", latex),
    ]


def _latex(text: str) -> str:
    """Text as LaTeX takes it."""
    return "".join(f"\\{letter}" if letter in "_&%$#{}" else letter for letter in text)


def _label(shelf: AtlasView, name: str) -> str:
    return "-".join([shelf.name, *name.replace("/", ".").split(".")])


def _name(shelf: AtlasView, name: str) -> str:
    """What a layer or unit is called among all that others document: ``alexnet.conv3.117``."""
    return f"{shelf.name}.{name.replace('/', '.')}"


def inventory(shelf: AtlasView) -> bytes:
    """An ``objects.inv`` (version 2), by which Sphinx, MyST and Jupyter Book link by name."""
    lines = [f"{shelf.name} std:doc -1 index.html {shelf.name}"]
    for layer in shelf.layers.values():
        name = _name(shelf, layer.layer)
        lines.append(f"{name} std:doc -1 {addresses.layer_page(layer.layer)} {layer.layer}")
        for unit in layer.top:
            page = addresses.unit_page(layer.layer, unit.unit)
            lines.append(f"{name}.{unit.unit} std:doc -1 {page} {layer.layer}/{unit.unit}")
    head = (
        "# Sphinx inventory version 2\n"
        f"# Project: {shelf.name}\n"
        "# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    return head.encode() + zlib.compress("".join(line + "\n" for line in lines).encode(), 9)


def oembed(shelf: AtlasView, layer: LayerData, unit: Unit) -> str:
    """What a page that takes links to be embedded (oEmbed 1.0) needs to know of a unit."""
    width, height = EMBED
    said = {
        "version": "1.0",
        "type": "rich",
        "provider_name": shelf.about.title,
        "provider_url": shelf.about.base,
        "title": f"{layer.layer}/{unit.unit} of {shelf.name}",
        "html": iframe(shelf, layer, unit),
        "width": width,
        "height": height,
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n"


def sitemap(addresses: Iterable[str], base: str) -> str:
    """The pages of a site, for those that search it."""
    from urllib.parse import quote

    urls = "".join(f"<url><loc>{html.escape(base + quote(a))}</loc></url>\n" for a in addresses)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    )
