import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.data import records
from atlas.data.documents import NINE, Document, read_atlas, read_layer
from atlas.errors import AtlasError
from tests.support.documents import write_layer

numbers = st.integers(-500, 500)
boxes = st.tuples(numbers, numbers, numbers, numbers)
winners = st.builds(
    records.Winner, st.integers(0, 2**40), st.text(), st.none() | st.text(), st.floats(0, 1e30),
    st.tuples(numbers, numbers), boxes, boxes, st.none() | boxes,
)  # fmt: skip
link = st.tuples(st.text(), st.integers(0, 2**40), st.none() | st.floats(-1, 1))
figure = st.none() | st.floats(-1, 2)
evidence = st.dictionaries(st.text(), st.lists(figure, max_size=9).map(tuple), max_size=3)
links = st.lists(link, max_size=3).map(tuple)
units = st.builds(
    records.Unit,
    st.just(0),
    st.integers(0, 2**40),
    st.lists(winners, max_size=9).map(tuple),
    st.none() | boxes,
    st.tuples(st.integers(0, 400), st.lists(st.integers(0, 2**40)).map(tuple)),
    links,
    links,
    links,
    st.lists(st.builds(records.Sample, st.floats(0, 100), st.none() | winners), max_size=3).map(
        tuple
    ),
    st.none() | evidence,
    st.lists(st.tuples(st.text(), st.floats(0, 1)), max_size=3).map(tuple),
)
pairs = st.tuples(numbers, numbers)
facts = {
    "layer": st.just("conv1"),
    "module": st.text(),
    "kind": st.text(),
    "shape": st.tuples(numbers, numbers, numbers),
    "receptive_field": st.builds(records.ReceptiveField, pairs, pairs, pairs),
    "plate": st.builds(records.Plate, pairs, numbers, numbers, st.booleans()),
    "filters": st.none() | st.tuples(numbers, numbers, numbers),
    "parents": st.lists(st.text(), max_size=3).map(tuple),
    "image_free": st.booleans(),
}
layers = st.builds(
    records.LayerData,
    **facts,
    images=st.integers(0, 2**40),
    top=st.lists(units, max_size=1).map(tuple),
)


@given(layers)
def test_a_layer_survives_being_written(layer: records.LayerData) -> None:
    with TemporaryDirectory() as folder:
        write_layer(Path(folder), layer)
        assert read_layer(Path(folder), "conv1") == layer


def test_the_form_of_the_nine(tmp_path: Path) -> None:
    winner = records.Winner(
        17, "tench/x.jpg", "tench", 12.5, (4, 9), (1, 2, 12, 13), (1, 2, 12, 13)
    )
    field = records.ReceptiveField((11, 11), (4, 4), (-2, -2))
    unit = records.Unit(0, 500, (winner,), None, (9, (500,)), (("conv0", 3, -0.5),))
    layer = records.LayerData(
        "conv1", "features.0", "convolution", (1, 55, 55), field, records.Plate((121, 121), 2, 10),
        images=500, top=(unit,),
    )  # fmt: skip
    write_layer(tmp_path, layer)
    said = json.loads((tmp_path / "conv1" / "layer.json").read_text())
    assert (said["schema"], said["layer"], said["module"]) == (2, "conv1", "features.0")
    assert said["shape"] == [1, 55, 55]
    assert said["receptive_field"] == {"size": [11, 11], "stride": [4, 4], "offset": [-2, -2]}
    assert json.loads((tmp_path / "conv1" / "nine.json").read_text()) == {
        "schema": 1,
        "images": 500,
        "units": [
            {
                "unit": 0,
                "fired": 500,
                "nine": [
                    {
                        "image": 17, "file": "tench/x.jpg", "class": "tench", "value": 12.5,
                        "position": [4, 9], "box": [1, 2, 12, 13], "true_box": [1, 2, 12, 13],
                    }
                ],
                "levels": [9, [500]],
            }
        ],
    }  # fmt: skip
    assert json.loads((tmp_path / "conv1" / "connections.json").read_text())["units"] == [
        {"unit": 0, "below": [["conv0", 3, -0.5]], "above": []}
    ]


def test_the_form_of_close_ups(tmp_path: Path) -> None:
    box = (0, 0, 200, 200)
    winners = tuple(
        records.Winner(image, "a", None, 1.0, (0, 0), box, box, None, close)
        for image, close in enumerate([(10, 20, 100, 110), (0, 0, 90, 90)])
    )
    field = records.ReceptiveField((200, 200), (16, 16), (0, 0))
    plate = records.Plate((96, 96), 2, 10)
    top = (records.Unit(0, 9, winners), records.Unit(1, 0, ()))
    layer = records.LayerData(
        "a", "a", "sum", (2, 9, 9), field, plate, close_up=200, images=9, top=top
    )
    write_layer(tmp_path, layer)
    said = json.loads((tmp_path / "a" / "reconstructions.json").read_text())
    assert [unit["close_ups"] for unit in said["units"]] == [
        [[10, 20, 100, 110], [0, 0, 90, 90]],
        [],
    ]
    assert b"close_box" not in (tmp_path / "a" / "nine.json").read_bytes()
    assert read_layer(tmp_path, "a") == layer
    assert [winner.shown for winner in read_layer(tmp_path, "a").top[0].nine] == [
        (10, 20, 100, 110), (0, 0, 90, 90),
    ]  # fmt: skip
    del said["units"][0]["close_ups"][1]
    (tmp_path / "a" / "reconstructions.json").write_text(json.dumps(said))
    with pytest.raises(AtlasError, match=r"reconstructions\.json doesn't have the form"):
        read_layer(tmp_path, "a")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"atlas\.json can't be read"),
        ('{"schema": 99}', "schema 99"),
        ("[]", "can't be read"),
        ("{", "can't be read"),
        ('{"schema": 5, "name": 5}', "doesn't have the form"),
    ],
)
def test_what_can_not_be_read_is_said(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "atlas.json").write_text(content)
    with pytest.raises(AtlasError, match=words):
        read_atlas(tmp_path)


def test_documents_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    unit = records.Unit(3, 0, ())
    field = records.ReceptiveField((1, 1), (1, 1), (0, 0))
    plate = records.Plate((1, 1), 2, 10)
    layer = records.LayerData("a", "a", "sum", (9, 1, 1), field, plate, images=1, top=(unit,))
    write_layer(tmp_path, layer)
    other = records.LayerData("b", "b", "sum", (9, 1, 1), field, plate, images=1, top=())
    write_layer(tmp_path, other)
    NINE.path(tmp_path, "b").write_bytes(NINE.path(tmp_path, "a").read_bytes())
    with pytest.raises(AtlasError, match=r"b.reconstructions\.json doesn't have the form"):
        read_layer(tmp_path, "b")


def test_a_file_that_is_linked_elsewhere_stays_as_it_was(tmp_path: Path) -> None:
    """A build links the published atlas's files, and must not write into them."""
    numbers = Document("numbers", dict[str, int])
    numbers.write(tmp_path, {"one": 1})
    published = tmp_path / "published.json"
    published.hardlink_to(numbers.path(tmp_path))
    numbers.write(tmp_path, {"one": 2})
    assert json.loads(published.read_text())["one"] == 1
    assert numbers.read(tmp_path) == {"one": 2}
    assert not list(tmp_path.glob(".*"))
