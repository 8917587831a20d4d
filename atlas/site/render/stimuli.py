"""The page of an image: the units that it is among the nine of, and where in it they look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData, Unit, Winner
from atlas.site import phrases
from atlas.site.render.base import AtlasView, PageAddress
from atlas.site.render.pictures import view


@dataclass(frozen=True)
class Use:
    """One place of an image among a unit's nine."""

    layer: LayerData
    unit: Unit
    rank: int

    @property
    def winner(self) -> Winner:
        """The activation."""
        return self.unit.nine[self.rank]


def uses(shelf: AtlasView) -> dict[int, list[Use]]:
    """Every image that is among somebody's nine, in order, with where it is."""
    found: dict[int, list[Use]] = {}
    for layer in shelf.layers.values():
        for unit in layer.top:
            for rank, winner in enumerate(unit.nine):
                found.setdefault(winner.image, []).append(Use(layer, unit, rank))
    return dict(sorted(found.items()))


def image_page(
    shelf: AtlasView, image: int, found: list[Use], around: tuple[int | None, int | None]
) -> str:
    """An image with the boxes of the units that chose it; ``around`` are its neighbours."""
    file = addresses.image_page(image)
    here = PageAddress(shelf.address(file))
    height, width = shelf.atlas.preprocessing["crop"]
    first = found[0].winner
    top, left, bottom, right = view((height, width), [use.winner.box for use in found])
    by_layer: dict[str, list[Use]] = {}
    for use in found:
        by_layer.setdefault(use.layer.layer, []).append(use)
    steps = [
        (f"image {other}", here.to(shelf.address(addresses.image_page(other))))
        if other is not None
        else None
        for other in around
    ]
    return shelf.page(
        "image.html",
        file,
        [f"Image {image}"],
        f"The units of {shelf.name} that have image {image} among their nine",
        [(f"image {image}", None)],
        previous=steps[0],
        next=steps[1],
        image=image,
        name=first.file,
        label=first.label,
        credit=phrases.credit(shelf.atlas),
        source=f"{image}.webp" if shelf.pictures else "",
        size=(height, width),
        view=f"{left} {top} {right - left} {bottom - top}",
        count=len(found),
        layers=[
            (
                name,
                here.to(shelf.address(addresses.layer_page(name))),
                [_entry(use) for use in some],
            )
            for name, some in by_layer.items()
        ],
        folder=here.to(shelf.address("")),
    )


def _entry(use: Use) -> Mapping[str, object]:
    winner = use.winner
    return {
        "mark": addresses.mark(use.layer.layer, use.unit.unit),
        "unit": use.unit.unit,
        "rank": use.rank + 1,
        "value": phrases.number(winner.value),
        "box": winner.box,
        "true_box": winner.true_box if winner.true_box != winner.box else None,
    }
