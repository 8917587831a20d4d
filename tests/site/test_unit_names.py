"""What units are called after what they follow."""

from typing import Any

import pytest

from atlas.data.faces import Face, UnitFaces
from atlas.data.names import Fall, Thing, Things, UnitName
from atlas.data.records import Unit
from atlas.site.phrases import Label
from atlas.site.render.faces import NO_TAIL, lead
from atlas.site.render.unit_names import details
from atlas.site.render.view import AtlasView

THINGS = Things(100, (Thing("dog", "class", 20), Thing("ear", "concept", 30)))


def name(words: str, *things: int, r: float = 0.6, **more: Any) -> UnitName:
    terms = tuple(("or" if place else "and", thing) for place, thing in enumerate(things))
    return UnitName(3, terms, words, more.pop("doubt", ""), pearson=Fall(r, 0, 0, 1), **more)


class View(AtlasView):
    """A view that knows one unit alone."""

    def __init__(self, known: UnitName) -> None:
        object.__setattr__(self, "known", known)

    def followed(self, layer: str, unit: int) -> Any:
        return vars(self)["known"]

    def kept(self, document: Any, layer: str = "") -> Any:
        return THINGS


@pytest.mark.parametrize(
    ("known", "label"),
    [
        (name("dog", 0), Label("dog", "r = 0.60")),
        (name("ear", 1, iou=0.2), Label("ear", "r = 0.60")),
        (name("ear", 1), Label("images with ear", "r = 0.60")),  # the unit looks elsewhere
        (name("dog or ear", 0, 1), Label("dog or ear", "r = 0.60")),
        (name("dog", 0, r=0.25), Label("dog", "r = 0.25, weak")),
        (name("dog", 0, doubt="twin"), None),
    ],
)
def test_a_unit_is_called_after_what_it_follows_with_how_well(
    known: UnitName, label: Label | None
) -> None:
    assert View(known).best_label("conv", Unit(3, 5, ())) == label


def test_a_longer_label_that_reaches_more_is_no_next_best() -> None:
    said = details(name("dog", 0, rivals=(("dog or ear", 0.66), ("ear", 0.4))), [])
    assert said[1].startswith("A longer label reaches more") and "dog or ear 0.66." in said[1]
    assert said[2:] == ["Next best: ear 0.40."]


def test_two_groups_that_show_the_same_are_two_kinds_of_it() -> None:
    def of(one: str, other: str) -> str:
        faces = (Face((1,), 45, one, 1.0, 0.6), Face((2,), 15, other, 1.0, 0.6))
        return lead(UnitFaces(0, 60, 0.3, 0.7, faces=faces), 2_400)

    assert of("stripes", "stripes").startswith("Two kinds of stripes: ")
    assert of("dog", "ear").startswith("Two things: ")
    assert of("", "").startswith("Two things: ")
    assert of("dog", "ear").endswith(
        ": 15 of its 60 strongest of 2,400 images show mostly ear, the other 45 dog."
    )


def test_two_groups_of_a_large_part_of_the_images_are_doubted() -> None:
    faces = (Face((1,), 27, "dog", 1.0, 0.6), Face((2,), 9, "ear", 1.0, 0.6))
    known = UnitFaces(0, 36, 0.3, 0.7, faces=faces)
    assert lead(known, 359).endswith("the other 27 dog." + NO_TAIL)
    assert lead(known, 360).endswith("the other 27 dog.")
