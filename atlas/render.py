"""From data to pages: strings of HTML. Reads what compute wrote; knows of no network, no torch.

What is shown is decided here; the templates only lay it out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from atlas import __version__, pages, pixels, words
from atlas.data import AtlasData, LayerData, Unit, read_layer

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
STORY = 6  # layers of an atlas that the home page shows, at most
CARDS = 3  # units shown for a layer outside its own page


def environment(templates: Path = TEMPLATES) -> jinja2.Environment:
    """The templates, compiled once; undefined names are errors."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True)
class Card:
    """A unit's plate as it appears among others; every link is relative to the page it is on."""

    title: str
    page: str
    source: str | None
    size: tuple[int, int]
    crisp: bool
    alt: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """A stimulus with boxes over it; ``view`` is the part shown, in pixels of the input frame.

    ``inner`` is a box drawn more quietly within the others.
    """

    source: str
    width: int
    height: int
    view: str
    boxes: tuple[tuple[int, int, int, int], ...]
    label: str
    inner: tuple[int, int, int, int] | None = None


def atlas_pages(
    atlas: AtlasData, folder: Path, templates: jinja2.Environment
) -> Iterator[tuple[str, str]]:
    """All pages of an atlas whose data lie in ``folder``: (file within the atlas, HTML)."""
    yield "index.html", atlas_page(atlas, folder, templates)
    for place, name in enumerate(atlas.layers):
        layer = read_layer(folder, name)
        yield pages.layer_page(name), layer_page(atlas, layer, place, templates)
        for unit in layer.top:
            yield pages.unit_page(name, unit.unit), unit_page(atlas, layer, unit, templates)


def home_page(
    atlases: list[tuple[AtlasData, list[LayerData]]], templates: jinja2.Environment
) -> str:
    """The site's first page: its atlases, each told in pictures from its first layer to its last.

    Each atlas comes with the layers that ``story`` chose.
    """
    shown = []
    for atlas, layers in atlases:
        told = [_rung(atlas, layer, prefix=f"{atlas.name}/") for layer in layers]
        shown.append(
            {
                "name": atlas.name,
                "page": f"{atlas.name}/index.html",
                "facts": words.atlas_facts(atlas),
                "layers": told,
            }
        )
    return templates.get_template("home.html").render(
        title="CNN Atlas",
        description="What every unit of a convolutional network responds to",
        version=__version__,
        root="",
        relations=[],
        crumbs=[("CNN Atlas", None)],
        atlases=shown,
    )


def story(atlas: AtlasData) -> list[str]:
    """A few layers from the first to the last, evenly spread; linear ones only if there is room."""
    names = [s["layer"] for s in atlas.summary if s["kind"] != "linear"] or list(atlas.layers)
    if len(names) <= STORY:
        return names
    return [names[round(i * (len(names) - 1) / (STORY - 1))] for i in range(STORY)]


def atlas_page(atlas: AtlasData, folder: Path, templates: jinja2.Environment) -> str:
    """The network as a row of layers with growing receptive fields, and a few units of each."""
    height, width = atlas.preprocessing["crop"]
    layers = [read_layer(folder, name) for name in atlas.layers]
    source = next(
        (
            pages.image_file(layer.unit(unit).nine[0].image)
            for layer, summary in zip(reversed(layers), reversed(atlas.summary), strict=True)
            for unit in summary["telling"][:1]
        ),
        "",
    )
    rungs = []
    for layer in layers:
        rows, columns = (min(n, 4 * m) for n, m in zip(_size(layer), (height, width), strict=True))
        top, left = (height - rows) // 2, (width - columns) // 2
        box = (top, left, top + rows, left + columns)
        label = f"Receptive field of {layer.layer}: {words.sees(layer)}"
        rungs.append(
            {
                **_rung(atlas, layer, prefix=""),
                "units": layer.units,
                "sees": words.sees(layer),
                "frame": _frame(source, (height, width), [box], label),
            }
        )
    units = sum(layer.units for layer in layers)
    return templates.get_template("atlas.html").render(
        title=f"{atlas.name} · CNN Atlas",
        description=f"All {units} units of {atlas.network['name']}, layer by layer",
        version=__version__,
        root="../",
        relations=[],
        crumbs=[("CNN Atlas", "../index.html"), (atlas.name, None)],
        atlas=atlas,
        lead=words.atlas_facts(atlas),
        layers=rungs,
        made=words.made(atlas),
    )


def layer_page(
    atlas: AtlasData, layer: LayerData, place: int, templates: jinja2.Environment
) -> str:
    """The plate of the paper's figure 2: every unit's reconstructions beside their patches."""
    depth = layer.layer.count("/") + 1
    filters = None
    if layer.filters:
        filters = {
            "source": "filters.png",
            "across": layer.filters[2],
            "size": pixels.sheet_size(layer.filters, layer.units),
        }
    return templates.get_template("layer.html").render(
        title=f"{layer.layer} · {atlas.name} · CNN Atlas",
        description=f"The {layer.units} units of {layer.layer} of {atlas.name}",
        version=__version__,
        root="../" * (depth + 1),
        relations=_relations(atlas, place),
        crumbs=_crumbs(atlas, depth, (layer.layer, None)),
        previous=_step(atlas, place - 1),
        next=_step(atlas, place + 1),
        layer=layer,
        lead=words.layer_lead(layer),
        filters=filters,
        collapsed=words.collapsed(atlas),
        cards=[_card(layer, unit, f"{layer.layer}/") for unit in layer.top],
    )


def unit_page(atlas: AtlasData, layer: LayerData, unit: Unit, templates: jinja2.Environment) -> str:
    """Nine pairs, large, each with its activation, its class, and where in its image it lies."""
    frame = atlas.preprocessing["crop"]
    here = pages.unit_page(layer.layer, unit.unit)
    depth = layer.layer.count("/") + 1
    pairs = [
        {
            "reconstruction": layer.plate.place(rank, patch=False),
            "patch": layer.plate.place(rank, patch=True),
            "value": words.number(winner.value),
            "label": winner.label,
            "where": words.where(winner, layer),
            "frame": _frame(
                pages.relative(pages.image_file(winner.image), here),
                (frame[0], frame[1]),
                [winner.box],
                "The whole image with the receptive field",
                _within(winner.box, unit.effective),
            ),
        }
        for rank, winner in enumerate(unit.nine)
    ]
    counts = Counter(winner.label for winner in unit.nine if winner.label)
    row = bisect_left(layer.top, unit.unit, key=lambda other: other.unit)
    around = layer.top[max(row - 1, 0) : row], layer.top[row + 1 : row + 2]
    steps = [
        (f"{layer.layer}/{other[0].unit}", f"{other[0].unit}.html") if other else None
        for other in around
    ]
    return templates.get_template("unit.html").render(
        title=f"{layer.layer}/{unit.unit} · {atlas.name} · CNN Atlas",
        description=f"What activates unit {unit.unit} of {layer.layer} of {atlas.name} most",
        version=__version__,
        root="../" * (depth + 1),
        relations=[(r, s[1]) for r, s in zip(("prev", "next"), steps, strict=True) if s],
        crumbs=_crumbs(atlas, depth, (layer.layer, "index.html"), (str(unit.unit), None)),
        previous=steps[0],
        next=steps[1],
        layer=layer,
        unit=unit,
        lead=words.unit_lead(layer, unit),
        plate=f"{unit.unit}.webp",
        crisp=pixels.is_crisp(layer.receptive_field.size),
        collapsed=words.collapsed(atlas),
        rule=words.rule(atlas),
        pairs=pairs,
        classes=[(name, count) for name, count in counts.most_common() if count > 1],
        once=[name for name, count in counts.items() if count == 1],
        filter=_filter(layer, unit.unit),
    )


def _rung(atlas: AtlasData, layer: LayerData, prefix: str) -> dict[str, Any]:
    telling = next(s["telling"] for s in atlas.summary if s["layer"] == layer.layer)
    return {
        "name": layer.layer,
        "page": prefix + pages.layer_page(layer.layer),
        "facts": f"{layer.units} units, each sees {words.sees(layer)}",
        "cards": [_card(layer, layer.unit(unit), "", prefix) for unit in telling[:CARDS]],
    }


def _card(layer: LayerData, unit: Unit, inside: str, prefix: str = "") -> Card:
    """``inside`` is what addresses may leave out on a page in the layer's own folder."""
    page = pages.unit_page(layer.layer, unit.unit).removeprefix(inside)
    source = pages.plate_file(layer.layer, unit.unit).removeprefix(inside)
    facts = []
    if unit.fired:
        facts.append(f"fired for {words.share(unit.fired, layer.images)}")
    if 0 < len(unit.nine) < 9:
        facts.append(f"only {len(unit.nine)}")
    if unit.commonest and 2 * unit.commonest[1] > len(unit.nine) > 1:
        facts.append(f"{unit.commonest[0]} {unit.commonest[1]}/{len(unit.nine)}")
    return Card(
        title=str(unit.unit) if inside else f"{layer.layer}/{unit.unit}",
        page=prefix + page,
        source=prefix + source if unit.nine else None,
        size=layer.plate.size,
        crisp=pixels.is_crisp(layer.receptive_field.size),
        alt=f"{layer.layer}/{unit.unit}: reconstructions and patches"
        + (f", mostly of {unit.commonest[0]}" if unit.commonest and unit.commonest[1] > 4 else ""),
        facts=tuple(facts),
    )


def _frame(
    source: str,
    size: tuple[int, int],
    boxes: list[tuple[int, int, int, int]],
    label: str,
    inner: tuple[int, int, int, int] | None = None,
) -> Frame:
    height, width = size
    top, left = (min([0, *(box[side] for box in boxes)]) for side in (0, 1))
    bottom = max([height, *(box[2] for box in boxes)])
    right = max([width, *(box[3] for box in boxes)])
    view = f"{left} {top} {right - left} {bottom - top}"
    return Frame(source, width, height, view, tuple(boxes), label, inner)


def _within(
    box: tuple[int, int, int, int], part: tuple[int, int, int, int] | None
) -> tuple[int, int, int, int] | None:
    """A part of a box, given from the box's own corner, in the frame that the box is in."""
    if part is None:
        return None
    top, left = box[0], box[1]
    return part[0] + top, part[1] + left, part[2] + top, part[3] + left


def _filter(layer: LayerData, unit: int) -> dict[str, Any] | None:
    if layer.filters is None:
        return None
    height, width, across = layer.filters
    row, column = divmod(unit, across)
    gap = pixels.GAP
    return {
        "view": f"{column * (width + gap)} {row * (height + gap)} {width} {height}",
        "size": pixels.sheet_size(layer.filters, layer.units),
    }


def _size(layer: LayerData) -> tuple[int, int]:
    return layer.receptive_field.size


def _crumbs(
    atlas: AtlasData, depth: int, *rest: tuple[str, str | None]
) -> list[tuple[str, str | None]]:
    up = "../" * depth
    return [("CNN Atlas", f"{up}../index.html"), (atlas.name, f"{up}index.html"), *rest]


def _step(atlas: AtlasData, place: int) -> tuple[str, str] | None:
    if not 0 <= place < len(atlas.layers):
        return None
    name = atlas.layers[place]
    return name, f"../{pages.layer_page(name)}"


def _relations(atlas: AtlasData, place: int) -> list[tuple[str, str]]:
    steps = (("prev", _step(atlas, place - 1)), ("next", _step(atlas, place + 1)))
    return [(relation, step[1]) for relation, step in steps if step]
