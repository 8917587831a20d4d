"""Texts to copy: how to link to, show, embed or cite a layer or a unit elsewhere."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData, Unit
from atlas.drawing import figures
from atlas.site import escaping, phrases
from atlas.site.escaping import latex
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
        label = view.called(layer.layer, unit.unit)
        alt = phrases.plate(layer, unit, phrases.quoted(label))
        snippets += _pictures(view, name, url=url, picture=picture, alt=alt)
    project, target = inventory_key(view), global_name(view, name)
    return (
        *snippets,
        Snippet("iframe", iframe(view, layer, unit)),
        Snippet("Sphinx", f":external+{project}:doc:`{target}`"),
        Snippet("MyST", f"[{escaping.markdown(name)}](inv:{project}#{target})"),
        _bibtex(view, name, file),
    )


def iframe(view: AtlasView, layer: LayerData, unit: Unit) -> str:
    """The element that shows a unit's card on another page."""
    address = view.info.url(view.address(addresses.embed_page(layer.layer, unit.unit)))
    title = html.escape(f"{view.unit_title(layer.layer, unit.unit)} of {view.name}")
    return (
        f'<iframe src="{html.escape(address)}" width="{EMBED_WIDTH}" height="{EMBED_HEIGHT}" '
        f'title="{title}"></iframe>'
    )


def global_name(view: AtlasView, name: str) -> str:
    """The name of a layer or unit beside those of other projects, as ``alexnet.conv3.117``."""
    return escaping.key(f"{view.name}.{name.replace('/', '.')}")


def inventory_key(view: AtlasView) -> str:
    """The name of the atlas among the projects that a text in Sphinx links to.

    A name of a role can't have two marks in a row.
    """
    return re.sub(r"([._-])[._-]+", r"\1", escaping.key(view.name)).strip("._-")


def bibtex(view: AtlasView, name: str, file: str) -> str:
    """A BibTeX entry for an atlas, or for the layer or unit of it that ``name`` names.

    Titles stand in two pairs of braces, so that styles leave their capitals. BibTeX takes the URL
    as it is.
    """
    atlas, info = view.atlas, view.info
    what = f"{name} of {atlas.network.name}" if name else f"An atlas of {atlas.network.name}"
    title = latex(f"{what}, as {atlas.images.description} activate it")
    lines = [f"@misc{{{_key(view, name)},", f"  title = {{{{{title}}}}},"]
    if info.author:
        lines.append(f"  author = {{{_names(info.author)}}},")
    if atlas.date:
        lines.append(f"  year = {{{atlas.date[:4]}}},")
    made = latex(f"{info.title}, made with CNN Atlas {atlas.program}")
    lines += [f"  howpublished = {{{made}}},", f"  url = {{{info.url(view.address(file))}}},", "}"]
    return "\n".join(lines)


def _names(author: str) -> str:
    """People as BibTeX reads them; a text that can't be read so is one name."""
    people = re.split(r"\s+and\s+", f" {author} ")
    if all(re.fullmatch(r"[^,]*[^,\s][^,]*(,[^,]*[^,\s][^,]*)?", one) for one in people):
        return latex(author)
    return f"{{{latex(author)}}}"


def _key(view: AtlasView, name: str) -> str:
    """What LaTeX calls a layer or unit, in references and citations."""
    return escaping.key("-".join([view.name, *re.split("[/.]", name)]) if name else view.name)


def _bibtex(view: AtlasView, name: str, file: str) -> Snippet:
    return Snippet("BibTeX", bibtex(view, name, file))


def _pictures(
    view: AtlasView, name: str, *, url: str, picture: str, alt: str
) -> tuple[Snippet, ...]:
    """The picture of a layer or unit, as a link to its page; LaTeX knows no WebP.

    LaTeX takes a URL as it is only outside of arguments, so it follows the caption.
    """
    file = picture.rpartition("/")[2]
    link, source = html.escape(url), html.escape(picture)
    web = (
        Snippet("Markdown", f"[![{escaping.markdown(alt)}]({source})]({link})"),
        Snippet("HTML", f'<a href="{link}"><img src="{source}" alt="{html.escape(alt)}"></a>'),
    )
    if file.endswith(".webp"):
        return web
    figure = (
        f"% needs graphicx and url; {picture}\n"
        f"\\begin{{figure}}\n  \\includegraphics[width=\\linewidth]{{{file}}}\n"
        f"  \\caption{{{latex(f'{name} of {view.name}')}}}\n"
        f"  \\label{{fig:{_key(view, name)}}}\n  \\url{{{url}}}\n\\end{{figure}}"
    )
    return (*web, Snippet("LaTeX", figure))
