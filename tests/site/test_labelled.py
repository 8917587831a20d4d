"""Classes and concepts: which units stand for each, and the pages that show them."""

from __future__ import annotations

import html
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from msgspec import structs

from atlas.data.documents import read_layer
from atlas.data.names import THINGS
from atlas.data.records import LayerData, Plate, ReceptiveField, Unit, Winner
from atlas.data.slugs import slug
from atlas.demo.scenes import CLASSES as CLASS_NAMES
from atlas.site.labelled import classes, concepts
from atlas.site.phrases import chance_of
from atlas.site.render.base import Renderer
from atlas.site.render.view import CLASSES, CONCEPTS, AtlasView
from atlas.site.writing import write_pages
from tests.support.documents import edit_layer

BOX = (0, 0, 1, 1)


def unit(number: int, labels: str, strongest: float = 1.0, **more: object) -> Unit:
    """A unit whose nine have classes of one letter each; "-" is none."""
    nine = tuple(
        Winner(rank, str(rank), None if label == "-" else label, strongest - rank / 100, (0, 0),
               BOX, BOX)
        for rank, label in enumerate(labels)
    )  # fmt: skip
    return Unit(number, len(nine), nine, **more)  # type: ignore[arg-type]


def layer(name: str, *units: Unit) -> LayerData:
    field = ReceptiveField((1, 1), (1, 1), (0, 0))
    shape = (99, 1, 1)
    return LayerData(name, name, "sum", shape, field, Plate((1, 1), 2, 10), images=9, top=units)


def test_a_unit_is_listed_for_a_class_that_random_images_seldom_agree_on() -> None:
    sizes = (100,) * 24
    one = layer(
        "one",
        unit(0, "aaabbbccc"), unit(1, "aaaaaabbd"), unit(2, "aab"), unit(3, "a"), unit(4, ""),
        unit(5, "---------"), unit(6, "aaaaabbcc", 2.0), unit(7, "aaaaabbbb"),
    )  # fmt: skip
    two = layer("two", unit(9, "ddd"), unit(8, "dd"))
    found = classes([one, two], sizes)
    listed = {
        name: {at: [labelled.unit.unit for labelled in units] for at, units in label.layers.items()}
        for name, label in found.items()
    }
    # three of nine agree on some class in one draw of nine, three of three in one of 600
    assert chance_of(sizes, 9, 3) > 0.01 > chance_of(sizes, 9, 4) > chance_of(sizes, 3, 3)
    # the most of the nine first, then the strongest, then the lowest number
    assert listed == {"a": {"one": [1, 6, 7]}, "b": {"one": [7]}, "d": {"two": [9]}}
    assert [labelled.said for labelled in found["a"].layers["one"]] == [
        "6 of 9", "5 of 9", "5 of 9",
    ]  # fmt: skip


def test_concepts_are_in_the_order_of_overlap() -> None:
    units = [unit(n, "a", concepts=some) for n, some in enumerate(
        [(("hub", 0.1), ("eye", 0.05)), (("eye", 0.3),), (("hub", 0.1),), ()])]  # fmt: skip
    found = concepts([layer("one", *units)])
    assert list(found) == ["eye", "hub"] and found["eye"].count == 2
    assert [labelled.unit.unit for labelled in found["eye"].layers["one"]] == [1, 0]
    assert [labelled.unit.unit for labelled in found["hub"].layers["one"]] == [0, 2]


def cards(page: str) -> list[str]:
    """The units whose plates a page shows, in order."""
    return re.findall(r'<a class="plate[^"]*" href="\.\./([^"]+)\.html"', page)


def asked_for(view: AtlasView, kind: object, layer: str, unit: int) -> list[str]:
    """The classes or concepts that a unit's name asks for, by its words."""
    known = view.kept_names(layer).of(unit)
    if known is None or known.doubt:
        return []
    asked = {name for name in re.split(" and | or ", known.words) if not name.startswith("not ")}
    asked |= {also for one in view.kept(THINGS).things if one.name in asked for also in one.also}
    facts = view.atlas.concepts
    others = facts.names if facts and kind == CONCEPTS else set(CLASS_NAMES)
    return sorted(asked.intersection(others))


def test_units_that_are_named_after_a_label_come_first_and_say_so() -> None:
    units = [unit(n, "a", concepts=some) for n, some in enumerate(
        [(("eye", 0.3),), (("eye", 0.1),), (), ()])]  # fmt: skip
    names = {1: 0.5, 3: 0.7}

    def named(layer: str, number: int) -> dict[str, tuple[float, str]]:
        assert layer == "one"
        return {"eye": (names[number], "named eye")} if number in names else {}

    (eye,) = concepts([layer("one", *units)], named).values()
    assert [(one.unit.unit, one.said) for one in eye.layers["one"]] == [
        (3, "named eye"), (1, "named eye; overlap 0.10"), (0, "overlap 0.30"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [CLASSES, CONCEPTS])
def test_each_page_lists_every_unit_once_in_the_order_of_layers(site: Path, kind: object) -> None:
    folder = site / "small"
    view = AtlasView.read(folder, Renderer())
    expected: dict[str, list[str]] = {}
    for name, known in view.layers.items():
        for one in known.top:
            if kind == CLASSES:
                counts = Counter(winner.label for winner in one.nine)
                sizes, drawn = view.atlas.images.class_sizes, len(one.nine)
                own = [str(n) for n, c in counts.items() if chance_of(sizes, drawn, c) <= 0.01]
            else:
                own = [concept for concept, _ in one.concepts]
            own += [label for label in asked_for(view, kind, name, one.unit) if label not in own]
            for label in own:
                expected.setdefault(label, []).append(f"{name}/{one.unit}")
    assert expected
    place = folder / view.label_folder(kind)  # type: ignore[arg-type]
    assert {path.stem for path in place.glob("*.html")} == {"index", *map(slug, expected)}
    names = list(view.layers)
    for label, units in expected.items():
        shown = cards((place / f"{slug(label)}.html").read_text())
        assert sorted(shown) == sorted(units) and len(set(shown)) == len(shown)
        layers = [names.index(one.rpartition("/")[0]) for one in shown]
        assert layers == sorted(layers)
    index = (place / "index.html").read_text()
    for label in expected:
        assert f'<a href="{slug(label)}.html">{html.escape(label)}</a>' in index
    listed = (folder / "addresses.txt").read_text().splitlines()
    assert {f"{place.name}/{slug(label)}.html" for label in expected} <= set(listed)
    overview = (folder / "index.html").read_text()
    assert f'<a href="{place.name}/index.html">' in overview


def test_labels_link_to_their_pages(site: Path) -> None:
    folder = site / "small"
    known = read_layer(folder, "conv5")
    one = next(u for u in known.top if u.commonest and u.commonest[1] == 4)
    page = (folder / "conv5" / f"{one.unit}.html").read_text()
    assert one.commonest
    link = f'<a href="../classes/{slug(one.commonest[0])}.html">'
    assert f'<span class="class">{link}' in page and f"<li><span>{link}" in page
    other = next(u for u in read_layer(folder, "conv4").top if u.concepts)  # few images prove few
    named, page = other.concepts[0][0], (folder / "conv4" / f"{other.unit}.html").read_text()
    assert f'<li><span><a href="../concepts/{slug(named)}.html">{named}</a></span>' in page
    assert f'../concepts/{slug(named)}.html">' in (folder / "conv4" / "index.html").read_text()
    image = next(image for image in one.nine if image.label == one.commonest[0])
    text = (folder / "images" / "0" / f"{image.image}.html").read_text()
    assert f'<a href="../../classes/{slug(image.label or "")}.html">{image.label}</a>' in text


def test_a_class_of_any_name_has_a_page(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(site / "small", folder)
    names = ["Dog", "dog", "<b>&amp;", "../..", "con", "index", "7"]

    def renamed(known: LayerData) -> LayerData:
        top = tuple(
            structs.replace(
                one,
                nine=tuple(structs.replace(w, label=names[n % len(names)]) for w in one.nine),
            )
            for n, one in enumerate(known.top)
        )
        return structs.replace(known, top=top)

    edit_layer(folder, "conv5", renamed)
    write_pages(folder)
    for name in names:
        text = (folder / "classes" / f"{slug(name)}.html").read_text()
        assert f"<h1>{html.escape(name)}</h1>" in text and "conv5/" in text
