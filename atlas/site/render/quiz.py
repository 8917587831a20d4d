"""A layer's quiz: which of two patches is a unit's ninth, and which is its median image's?

After Borowski et al. 2021, who asked people how well pictures of a unit let them predict what else
activates it. Nothing is sent anywhere; the page itself counts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.records import LayerData, Plate, Unit
from atlas.drawing import pixels
from atlas.site.render.base import AtlasView, PageAddress

QUESTIONS = 10
_MEDIAN = 50.0


@dataclass(frozen=True)
class Question:
    """Eight pairs of a unit's plate, and two more patches, one of them its own.

    ``choices`` are which picture each is on, "plate" or "strip", and the left and top of it there.
    """

    unit: int
    page: str
    plate: str
    strip: str
    pairs: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    choices: tuple[tuple[str, int, int], ...]
    right: str


def asked_of(layer: LayerData) -> list[Unit]:
    """Units that can be asked of, spread over the layer: with a full nine and a median image."""
    able = [
        unit
        for unit in layer.top
        if len(unit.nine) == 9
        and any(s.percent == _MEDIAN and s.winner is not None for s in unit.spectrum)
    ]
    count = min(QUESTIONS, len(able))
    return [able[place * len(able) // count] for place in range(count)]


def quiz_page(shelf: AtlasView, layer: LayerData) -> str | None:
    """The quiz of a layer; None if none of its units can be asked of."""
    units = asked_of(layer) if shelf.stimuli else []
    if not units:
        return None
    file = addresses.quiz_page(layer.layer)
    here = PageAddress(shelf.address(file))
    tile = pixels.strip_tile(layer.receptive_field.size)
    return shelf.page(
        "quiz.html",
        file,
        [f"Quiz on {layer.layer}"],
        f"Ten questions on the units of {layer.layer} of {shelf.name}",
        [(layer.layer, shelf.address(addresses.layer_page(layer.layer))), ("quiz", None)],
        layer=layer,
        questions=[_question(shelf, layer, unit, here, tile) for unit in units],
        plate=layer.plate,
        strip={"tile": tile, "size": pixels.strip_size(tile, len(units[0].spectrum))},
        crisp=pixels.is_crisp(layer.receptive_field.size),
    )


def _question(
    shelf: AtlasView, layer: LayerData, unit: Unit, here: PageAddress, tile: tuple[int, int]
) -> Question:
    plate: Plate = layer.plate
    top, left = plate.place(8, patch=True)
    median = next(i for i, s in enumerate(unit.spectrum) if s.percent == _MEDIAN)
    own = ("plate", left, top)
    other = ("strip", median * (tile[1] + pixels.GAP), 0)
    name = f"{shelf.name}/{layer.layer}/{unit.unit}"
    first = hashlib.sha256(name.encode()).digest()[0] % 2 == 0
    return Question(
        unit.unit,
        here.to(shelf.address(addresses.unit_page(layer.layer, unit.unit))),
        here.to(shelf.address(addresses.plate_file(layer.layer, unit.unit))),
        here.to(shelf.address(addresses.spectrum_file(layer.layer, unit.unit))),
        tuple((plate.place(r, patch=False), plate.place(r, patch=True)) for r in range(8)),
        (own, other) if first else (other, own),
        "A" if first else "B",
    )
