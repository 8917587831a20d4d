"""Texts to copy: how to link to, show, embed or cite a layer or a unit elsewhere."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

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
        title = figures.title(layer)
        alt = escaping.markdown(title), html.escape(title)
        snippets += _pictures(view, name, url=url, picture=picture, alt=alt)
    return (*snippets, _bibtex(view, name, file))


@dataclass(frozen=True)
class UnitKit:
    """What a unit's page gives the script to make its snippets from the layer's templates.

    ``title`` is its name as others see it, ``alt`` its plate in words, "" for one without a plate.
    ``target`` and ``label`` are what Sphinx and LaTeX call it, "" where these are plain names.
    """

    number: int
    title: str
    alt: str
    target: str
    label: str


def kit(view: AtlasView, layer: LayerData, unit: Unit) -> UnitKit:
    """What stands on a unit's page in the place of its snippets."""
    label = phrases.quoted(view.called(layer.layer, unit.unit))
    title = f"{view.unit_title(layer.layer, unit.unit)} of {view.name}"
    alt = phrases.plate(layer, unit, label) if unit.nine else ""
    name = f"{layer.layer}/{unit.unit}"
    plain = _is_plain(view, name)
    target, key = ("", "") if plain else (global_name(view, name), _key(view, name))
    return UnitKit(unit.unit, title, alt, target, key)


def _is_plain(view: AtlasView, name: str) -> bool:
    """Whether the names of a layer's units hold no check sum, which would differ between them."""
    plain = f"{view.name}.{name.replace('/', '.')}"
    return escaping.key(plain) == plain


def link_of_unit(view: AtlasView, layer: LayerData, unit: Unit) -> tuple[Snippet, ...]:
    """The one snippet of a unit that needs no script."""
    address = view.address(addresses.unit_page(layer.layer, unit.unit))
    return (Snippet("Link", view.info.url(address)),)


def of_unit(view: AtlasView, layer: LayerData, unit: Unit) -> tuple[Snippet, ...]:
    """Snippets for one unit, as the script makes them of the layer's templates."""
    own = kit(view, layer, unit)
    filled = {
        NUMBER: str(own.number),
        TITLE: html.escape(own.title),
        ALT_MARKDOWN: escaping.markdown(own.alt),
        ALT_HTML: html.escape(own.alt),
        TARGET: own.target,
        LABEL: own.label,
    }

    def fill(text: str) -> str:
        return re.sub("|".join(filled), lambda found: filled[found[0]], text)

    return tuple(
        Snippet(one.name, fill(one.text))
        for one in templates(view, layer)
        if own.alt or not one.pictured
    )


@dataclass(frozen=True)
class Template(Snippet):
    """A snippet with numbers in the place of what differs between units.

    ``pictured`` is whether it shows a plate.
    """

    pictured: bool = False


# Numbers that no name has. Every escaping leaves digits as they are.
MARKS = tuple(f"481516234210{digit}" for digit in range(6))
NUMBER, TITLE, ALT_MARKDOWN, ALT_HTML, TARGET, LABEL = MARKS


def templates(view: AtlasView, layer: LayerData) -> tuple[Template, ...]:
    """The snippets of all units of a layer: ``NUMBER`` and its like stand for what differs."""
    number = int(NUMBER)
    name, file = f"{layer.layer}/{NUMBER}", addresses.unit_page(layer.layer, number)
    url = view.info.url(view.address(file))
    form = addresses.picture_file if view.atlas.keeps("jpeg") else addresses.plate_file
    picture = view.info.url(view.address(form(layer.layer, number)))
    pictures = _pictures(view, name, url=url, picture=picture, alt=(ALT_MARKDOWN, ALT_HTML))
    project, target, label = inventory_key(view), global_name(view, name), _key(view, name)
    plain = _is_plain(view, name)
    made = [Template("Link", url)]
    made += [Template(one.name, one.text, pictured=True) for one in pictures]
    if view.atlas.keeps("cards"):
        made.append(Template("iframe", _iframe(view, layer.layer, number, TITLE)))
    bib = _bibtex(view, name, file)
    made += [
        Template("Sphinx", f":external+{project}:doc:`{target}`"),
        Template("MyST", f"[{escaping.markdown(name)}](inv:{project}#{target})"),
        Template(bib.name, bib.text),
    ]
    if plain:
        return tuple(made)
    return tuple(
        replace(one, text=one.text.replace(target, TARGET).replace(label, LABEL)) for one in made
    )


def script(view: AtlasView, layer: LayerData) -> str:
    """The layer's templates as a script that gives them to the site's own."""
    rows = [[one.name, one.text, one.pictured] for one in templates(view, layer)]
    said = (json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in (MARKS, rows))
    return f"site.kit({','.join(said)});\n"


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The templates of each layer: (address within the atlas, script)."""
    for layer in view.layers.values():
        yield addresses.kit_file(layer.layer), script(view, layer)


def iframe(view: AtlasView, layer: LayerData, unit: Unit) -> str:
    """The element that shows a unit's card on another page."""
    title = html.escape(kit(view, layer, unit).title)
    return _iframe(view, layer.layer, unit.unit, title)


def _iframe(view: AtlasView, layer: str, unit: int, title: str) -> str:
    address = view.info.url(view.address(addresses.embed_page(layer, unit)))
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
    view: AtlasView, name: str, *, url: str, picture: str, alt: tuple[str, str]
) -> tuple[Snippet, ...]:
    """The picture of a layer or unit, as a link to its page; LaTeX knows no WebP.

    ``alt`` says in words what it shows, in Markdown and in HTML.
    LaTeX takes a URL as it is only outside of arguments, so it follows the caption.
    """
    file = picture.rpartition("/")[2]
    link, source = html.escape(url), html.escape(picture)
    web = (
        Snippet("Markdown", f"[![{alt[0]}]({source})]({link})"),
        Snippet("HTML", f'<a href="{link}"><img src="{source}" alt="{alt[1]}"></a>'),
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
