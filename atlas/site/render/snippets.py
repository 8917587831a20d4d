"""Texts to copy: how to link to, show, embed or cite a layer or a unit elsewhere."""

from __future__ import annotations

import html
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData, Unit
from atlas.drawing import figures
from atlas.site import phrases
from atlas.site.render.view import AtlasView

EMBED_WIDTH, EMBED_HEIGHT = 640, 400  # of an embedded card, in pixels


@dataclass(frozen=True)
class Snippet:
    """A text to copy, and where it is to be pasted."""

    name: str
    text: str


def of_atlas(view: AtlasView) -> tuple[Snippet, ...]:
    """Snippets for a whole atlas."""
    return (_bibtex(view, "", "index.html"),)


def of_layer(view: AtlasView, layer: LayerData, *, figure: bool) -> tuple[Snippet, ...]:
    """Snippets for one layer; ``figure`` is whether there is a figure of its units."""
    name, file = layer.layer, addresses.layer_page(layer.layer)
    url = view.info.url(view.address(file))
    snippets = [Snippet("Link", url)]
    if figure:
        picture = view.info.url(view.address(addresses.figure_file(name, "png")))
        snippets += _pictures(view, name, url=url, picture=picture, alt=figures.title(layer))
    return (*snippets, _bibtex(view, name, file))


def of_unit(view: AtlasView, layer: LayerData, unit: Unit) -> tuple[Snippet, ...]:
    """Snippets for one unit."""
    name = f"{layer.layer}/{unit.unit}"
    file = addresses.unit_page(layer.layer, unit.unit)
    url = view.info.url(view.address(file))
    if view.atlas.lean:
        return Snippet("Link", url), _bibtex(view, name, file)
    snippets = [Snippet("Link", url)]
    if unit.nine:
        form = addresses.picture_file if view.atlas.jpeg else addresses.plate_file
        picture = view.info.url(view.address(form(layer.layer, unit.unit)))
        alt = phrases.plate(layer, unit)
        snippets += _pictures(view, name, url=url, picture=picture, alt=alt)
    target = global_name(view, name)
    return (
        *snippets,
        Snippet("iframe", iframe(view, layer, unit)),
        Snippet("Sphinx", f":external+{view.name}:doc:`{name} <{target}>`"),
        Snippet("MyST", f"[{name}](inv:{view.name}#{target})"),
        _bibtex(view, name, file),
    )


def iframe(view: AtlasView, layer: LayerData, unit: Unit) -> str:
    """The element that shows a unit's card on another page."""
    address = view.info.url(view.address(addresses.embed_page(layer.layer, unit.unit)))
    title = html.escape(f"{layer.layer}/{unit.unit} of {view.name}")
    return (
        f'<iframe src="{address}" width="{EMBED_WIDTH}" height="{EMBED_HEIGHT}" '
        f'title="{title}"></iframe>'
    )


def global_name(view: AtlasView, name: str) -> str:
    """The name of a layer or unit beside those of other projects, as ``alexnet.conv3.117``."""
    return f"{view.name}.{name.replace('/', '.')}"


def latex(text: str) -> str:
    """A text with LaTeX's special characters escaped."""
    return "".join(f"\\{letter}" if letter in "_&%$#{}" else letter for letter in text)


def _bibtex(view: AtlasView, name: str, file: str) -> Snippet:
    entry = phrases.bibtex(view.atlas, view.info, name=name, address=view.address(file))
    return Snippet("BibTeX", entry)


def _pictures(
    view: AtlasView, name: str, *, url: str, picture: str, alt: str
) -> tuple[Snippet, ...]:
    """The picture of a layer or unit, as a link to its page."""
    file = picture.rpartition("/")[2]
    label = "-".join([view.name, *name.replace("/", ".").split(".")])
    figure = (
        f"% {picture}\n\\begin{{figure}}\n  \\includegraphics[width=\\linewidth]{{{file}}}\n"
        f"  \\caption{{{latex(f'{name} of {view.name}')}, \\url{{{url}}}}}\n"
        f"  \\label{{fig:{label}}}\n\\end{{figure}}"
    )
    return (
        Snippet("Markdown", f"[![{alt}]({picture})]({url})"),
        Snippet("HTML", f'<a href="{url}"><img src="{picture}" alt="{html.escape(alt)}"></a>'),
        Snippet("LaTeX", figure),
    )
