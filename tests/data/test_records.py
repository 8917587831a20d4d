"""What records say of themselves, against figures that were worked out by hand."""

from typing import Any

import pytest
from msgspec import structs

from atlas.data import records

BOX = (0, 0, 4, 10)  # 40 pixels


def winner(image: int = 0, label: str | None = None, **more: Any) -> records.Winner:
    return records.Winner(image, "", label, 1.0, (0, 0), BOX, (1, 2, 3, 7), **more)


def unit(*labels: str | None, number: int = 0) -> records.Unit:
    nine = tuple(winner(image, label) for image, label in enumerate(labels))
    return records.Unit(number, 9, nine)


def test_the_commonest_class_is_the_first_among_equals() -> None:
    assert unit("a", "b", "b", "a").commonest == ("a", 2)
    assert unit("a", "b", "b").commonest == ("b", 2)
    assert unit(None, None, "c").commonest == ("c", 1)
    assert unit(None, None).commonest is None


def test_tiles_show_the_close_up_where_there_is_one() -> None:
    assert winner().shown == BOX and winner(close_box=(0, 0, 2, 2)).shown == (0, 0, 2, 2)
    assert winner().reach == (1, 2, 3, 7) and winner(held_box=(1, 2, 2, 7)).reach == (1, 2, 2, 7)


def test_shares_of_the_nominal_box() -> None:
    of_10, of_5 = winner(), winner(held_box=(1, 2, 2, 7))  # pixels that reach it
    one = records.Unit(0, 2, (of_10, of_5), effective=(1, 3, 3, 6))  # 2 × 3
    assert one.outside == pytest.approx((30 / 40 + 35 / 40) / 2)
    assert one.drawn_on == pytest.approx(6 / 40)
    assert records.Unit(0, 0, ()).outside is None
    assert records.Unit(0, 0, (), effective=BOX).drawn_on is None
    assert records.Unit(0, 1, (of_10,)).drawn_on is None


def test_tiles_lie_side_by_side_on_a_plate() -> None:
    """A plate of 5 × 7 pixels a tile, with gaps of 3 and a gutter of 11."""
    plate = records.Plate((5, 7), 3, 11)
    assert plate.size == (3 * 5 + 6, 2 * (3 * 7 + 6) + 11)
    assert structs.replace(plate, patches=False).size == (21, 27)
    assert [plate.place(rank, patch=False) for rank in (0, 1, 5, 8)] == [
        (0, 0), (0, 10), (8, 20), (16, 20),
    ]  # fmt: skip
    assert plate.place(4, patch=True) == (8, 10 + 27 + 11)
    for patch in (False, True):
        top, left = plate.place(8, patch)
        assert top + 5 == plate.size[0]
        assert left + 7 == (plate.size[1] if patch else 27)


def layer(*units: records.Unit, close_up: int | None = None) -> records.LayerData:
    field = records.ReceptiveField((31, 33), (4, 4), (-3, -3))
    plate = records.Plate((5, 7), 2, 11)
    return records.LayerData(
        "conv1", "0", "Conv2d", (64, 9, 9), field, plate, close_up=close_up, images=8, top=units
    )


def test_a_unit_is_found_by_its_number() -> None:
    some = [unit("a", number=number) for number in (2, 3, 7)]
    found = layer(*some, records.Unit(9, 0, ()))
    assert [found.find(number) for number in (2, 3, 7)] == some
    assert [found.find(number) for number in (0, 4, 8, 10, 99)] == [None] * 5
    assert found.unit(3) is some[1] and found.dead == 1 and found.units == 64
    assert layer().find(0) is None and layer().dead == 0
    with pytest.raises(AssertionError):
        found.unit(5)


def test_the_largest_box_that_is_shown() -> None:
    assert layer().shown == (31, 33) and layer(close_up=12).shown == (12, 12)


def test_which_images_count() -> None:
    skipped = (records.SkippedImage(4, "4.png", "empty"),)
    facts = records.ImageFacts("", 6, 4, (3, 2), "", 0, ((3, 1),), skipped)
    assert facts.read == 5 and facts.aside == {3, 4} and facts.classes == 2
    assert facts.usable == [0, 1, 2, 5]


SETTINGS = {
    **{"rule": "guided", "near_duplicates": 3, "evidence": "all", "images_policy": "show"},
    **{"lean": False, "jpeg": True, "without": []},
}


def atlas(*, shown: int = 64, layers: int = 1, **settings: object) -> records.AtlasData:
    preprocessing = records.PreprocessingFacts(None, (96, 96), (), (), "", "RGB")
    network = records.NetworkFacts("net", "", "", (), layers, 1, (), preprocessing)
    images = records.ImageFacts("", 6, 6, (), "", 0, ())
    summary = (records.LayerSummary("conv1", "Conv2d", 64, shown, 0, ()),)
    own = {**SETTINGS, **settings}
    return records.AtlasData("small", "", network, images, None, ("conv1",), summary, own)


def test_what_an_atlas_was_built_with() -> None:
    usual = atlas()
    assert usual.rule == "guided" and usual.near_duplicates == 3
    assert usual.preprocessing.crop == (96, 96)
    assert usual.evidence and usual.pictures and usual.stimuli and usual.strips
    assert usual.keeps("cards") and not usual.keeps("nothing of this name")
    assert not atlas(evidence="none").evidence and not atlas(images_policy="hide").pictures


def test_what_needs_another_part_goes_with_it() -> None:
    assert not atlas(without=["images"]).stimuli and atlas(without=["images"]).strips
    assert not atlas(without=["strips"]).strips and not atlas(evidence="none").strips
    hidden = atlas(images_policy="hide")
    assert not hidden.stimuli and not hidden.strips
    assert not atlas(lean=True).keeps("cards") and not atlas(jpeg=False).keeps("jpeg")


def test_an_atlas_of_some_layers_or_units_is_partial() -> None:
    assert not atlas().is_partial
    assert atlas(shown=63).is_partial and atlas(layers=2).is_partial
