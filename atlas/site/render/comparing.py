"""Two atlases of one architecture side by side, unit by unit."""

from __future__ import annotations

from collections.abc import Iterator

from atlas.data import addresses
from atlas.errors import UsageError
from atlas.site import phrases
from atlas.site.render.base import AtlasView, PageAddress, page
from atlas.site.render.pictures import card


def folder(one: AtlasView, other: AtlasView) -> str:
    """Where a comparison stands, from the site's root."""
    return f"compare/{one.name}--{other.name}"


def title(one: AtlasView, other: AtlasView) -> str:
    """What a comparison is called."""
    return f"{one.name} and {other.name}"


def comparison_files(one: AtlasView, other: AtlasView) -> Iterator[tuple[str, str]]:
    """All pages of a comparison, by address. Raises ``UsageError`` for different architectures."""
    for name, layer in one.layers.items():
        if name not in other.layers or other.layers[name].shape != layer.shape:
            raise UsageError(
                f"{one.name} and {other.name} can't be compared: they differ at layer {name}"
            )
    yield f"{folder(one, other)}/index.html", _overview(one, other)
    for place, name in enumerate(one.layers):
        yield _address(one, other, name), _layer(one, other, place, name)


def _address(one: AtlasView, other: AtlasView, layer: str) -> str:
    return f"{folder(one, other)}/{addresses.layer_page(layer)}"


def _overview(one: AtlasView, other: AtlasView) -> str:
    here = PageAddress(f"{folder(one, other)}/index.html")
    rows = [
        {
            "name": name,
            "page": here.to(_address(one, other, name)),
            "cards": [
                card(shelf, shelf.layers[name], shelf.layers[name].unit(representative[0]), here)
                if (representative := shelf.representative(name))
                else None
                for shelf in (one, other)
            ],
        }
        for name in one.layers
    ]
    return page(
        one.templates,
        one.about,
        "comparison.html",
        here.address,
        [title(one, other)],
        f"{one.name} and {other.name} side by side",
        [(title(one, other), None)],
        names=[(shelf.name, here.to(shelf.address("index.html"))) for shelf in (one, other)],
        facts=[phrases.atlas_facts(shelf.atlas) for shelf in (one, other)],
        rows=rows,
        layer="",
    )


def _layer(one: AtlasView, other: AtlasView, place: int, name: str) -> str:
    here = PageAddress(_address(one, other, name))
    units = [{unit.unit: unit for unit in shelf.layers[name].top} for shelf in (one, other)]
    rows = [
        {
            "name": str(number),
            "page": "",
            "cards": [
                card(shelf, shelf.layers[name], shown[number], here, short=True)
                for shelf, shown in zip((one, other), units, strict=True)
            ],
        }
        for number in units[0]
        if number in units[1]
    ]
    names = list(one.layers)
    steps = [
        (names[step], here.to(_address(one, other, names[step])))
        if 0 <= step < len(names)
        else None
        for step in (place - 1, place + 1)
    ]
    return page(
        one.templates,
        one.about,
        "comparison.html",
        here.address,
        [name, title(one, other)],
        f"The units of {name} of {one.name} and {other.name} side by side",
        [(title(one, other), f"{folder(one, other)}/index.html"), (name, None)],
        names=[
            (shelf.name, here.to(shelf.address(addresses.layer_page(name))))
            for shelf in (one, other)
        ],
        facts=[],
        rows=rows,
        layer=name,
        previous=steps[0],
        next=steps[1],
    )
