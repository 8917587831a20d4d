import json
import random
from types import SimpleNamespace

import pytest

from atlas.data.records import Unit, Winner
from atlas.site.render import search
from atlas.site.render.base import Entry

LAYERS = {"features.0": 64, **{f"layer{n}.{m}.conv2": 2048 for n in range(4) for m in range(3)},
          "head": 1920}  # fmt: skip


def winner(label: str) -> Winner:
    box = (0, 0, 9, 9)
    return Winner(0, "a.png", label, 1.0, (0, 0), box, box)


def view_of(layers: dict[str, int], classes: int) -> SimpleNamespace:
    """An atlas with many units, each with nine of a few classes and one concept."""
    chance = random.Random(0)
    names = [f"class number {number}" for number in range(classes)]

    def unit(number: int) -> Unit:
        few = chance.sample(names, 5)
        nine = tuple(winner(few[min(place // 2, 4)]) for place in range(9))
        return Unit(
            number, chance.randrange(1, 50_000), nine, concepts=((names[number % 40], 0.5),)
        )

    tops = {
        name: SimpleNamespace(top=tuple(map(unit, range(count)))) for name, count in layers.items()
    }
    return SimpleNamespace(
        name="large", layers=tops, called=lambda layer, unit: "", followed=lambda layer, unit: None
    )


def called(text: str) -> list:
    """The arguments of a script that calls a function."""
    return json.loads(f"[{text.strip()[text.index('(') + 1 : -2]}]")


def test_the_index_of_many_units_is_small() -> None:
    view = view_of(LAYERS, 1000)
    files = dict(search.files(view))
    assert sum(LAYERS.values()) == 26_560
    assert sum(len(text.encode()) for text in files.values()) <= 1 << 20
    rows = {}
    for text in files.values():
        name, shard = called(text)
        assert name == "large"
        for layer, some in shard["layers"]:
            rows |= {(layer, row[0]): [shard["classes"], *row[1:]] for row in some}
    assert len(rows) == 26_560
    for (layer, number), (names, fired, *pairs) in random.Random(1).sample(
        sorted(rows.items()), 50
    ):
        unit = view.layers[layer].top[number]
        said = {(names[name], count) for name, count in zip(pairs[::2], pairs[1::2], strict=True)}
        assert fired == 1 and (unit.concepts[0][0], 0) in said
        assert {label for label, count in said if count} <= {w.label for w in unit.nine}


def test_a_name_that_is_given_takes_the_place_of_an_overlap() -> None:
    view = view_of({"conv1": 2}, 9)
    view.followed = lambda layer, unit: SimpleNamespace(name="eye or ear" if unit else "")
    (text,) = dict(search.files(view)).values()
    _, shard = called(text)
    for (
        number,
        *_,
    ) in shard["layers"][0][1]:
        row = shard["layers"][0][1][number][2:]
        said = [
            (shard["classes"][name], count)
            for name, count in zip(row[::2], row[1::2], strict=False)
        ]
        named = ("eye or ear", search.FOLLOWS)
        assert (said[0] == named) == bool(number)
        assert (0 in row[1::2]) == (not number)


def test_pages_are_given_by_title_address_and_text() -> None:
    entry = Entry("Wheel", "large/concepts/wheel.html", "", "concept · large")
    (index,) = called(search.site_index([], [entry], {"bike": ("bicycle", "mountain bike")}))
    assert index["pages"] == [["Wheel", "large/concepts/wheel.html", "concept · large", ""]]
    assert index["synonyms"] == {"bike": ["bicycle", "mountain bike"]}


@pytest.mark.parametrize(
    ("markup", "text"),
    [("<body>a<main id='c'><p>b</p></main>c", "b"), ("<p>b</p>", "b")],
)
def test_the_text_of_a_page_is_that_of_its_content(markup: str, text: str) -> None:
    assert search.main_text(markup) == text
