import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas import data
from atlas.errors import AtlasError

numbers = st.integers(-500, 500)
boxes = st.tuples(numbers, numbers, numbers, numbers)
winners = st.builds(
    data.Winner, st.integers(0), st.text(), st.none() | st.text(), st.floats(0, 1e30),
    st.tuples(numbers, numbers), boxes, boxes,
)  # fmt: skip
link = st.tuples(st.text(), st.integers(0), st.none() | st.floats(-1, 1))
figure = st.none() | st.floats(-1, 2)
evidence = st.builds(
    data.Evidence, *[st.lists(figure, max_size=9).map(tuple) for _ in data.MEASURES]
)
links = st.lists(link, max_size=3).map(tuple)
units = st.builds(
    data.Unit,
    st.integers(0),
    st.integers(0),
    st.lists(winners, max_size=9).map(tuple),
    st.none() | boxes,
    st.tuples(st.integers(0), st.lists(st.integers(0)).map(tuple)),
    links,
    links,
    links,
    st.lists(st.builds(data.Sample, st.floats(0, 100), st.none() | winners), max_size=3).map(tuple),
    st.none() | evidence,
    st.lists(st.tuples(st.text(), st.floats(0, 1)), max_size=3).map(tuple),
)
pairs = st.tuples(numbers, numbers)
layers = st.builds(
    data.LayerData, st.text(), st.text(), st.text(), st.tuples(numbers, numbers, numbers),
    st.builds(data.ReceptiveField, pairs, pairs, pairs), st.integers(0),
    st.builds(data.Plate, pairs, numbers, numbers, st.booleans()),
    st.none() | st.tuples(numbers, numbers, numbers), st.lists(units, max_size=3).map(tuple),
)  # fmt: skip


@given(layers)
def test_a_layer_survives_being_written(layer: data.LayerData) -> None:
    assert data.LayerData.of_json(json.loads(data.dumps(layer.as_json()))) == layer


def test_the_schema_of_a_layer() -> None:
    winner = data.Winner(17, "tench/x.jpg", "tench", 12.5, (4, 9), (1, 2, 12, 13), (1, 2, 12, 13))
    field = data.ReceptiveField((11, 11), (4, 4), (-2, -2))
    unit = data.Unit(0, 500, (winner,), None, (9, (500,)), (("conv0", 3, -0.5),))
    layer = data.LayerData(
        "conv1", "features.0", "convolution", (1, 55, 55), field, 500,
        data.Plate((121, 121), 2, 10), None, (unit,),
    )  # fmt: skip
    found = layer.as_json()
    assert {key: found[key] for key in ("schema", "layer", "module", "units")} == {
        "schema": 3, "layer": "conv1", "module": "features.0", "units": 1,
    }  # fmt: skip
    assert json.loads(data.dumps(found))["receptive_field"] == {
        "size": [11, 11], "stride": [4, 4], "offset": [-2, -2],
    }  # fmt: skip
    assert found["top"] == [
        {
            "unit": 0,
            "fired": 500,
            "effective": None,
            "levels": [9, [500]],
            "below": [["conv0", 3, -0.5]],
            "above": [],
            "alike": [],
            "spectrum": [],
            "evidence": None,
            "concepts": [],
            "nine": [
                {
                    "image": 17, "file": "tench/x.jpg", "class": "tench", "value": 12.5,
                    "position": [4, 9], "box": [1, 2, 12, 13], "true_box": [1, 2, 12, 13],
                }
            ],
        }
    ]  # fmt: skip


def test_the_commonest_class_is_the_first_among_equals() -> None:
    def unit(*labels: str | None) -> data.Unit:
        nine = [
            data.Winner(i, "", x, 1.0, (0, 0), (0,) * 4, (0,) * 4) for i, x in enumerate(labels)
        ]
        return data.Unit(0, 9, tuple(nine))

    assert unit("a", "b", "b", "a").commonest == ("a", 2)
    assert unit("a", "b", "b").commonest == ("b", 2)
    assert unit(None, None).commonest is None


def test_what_can_not_be_read_is_said(tmp_path) -> None:
    with pytest.raises(AtlasError, match=r"atlas\.json can't be read"):
        data.read_atlas(tmp_path)
    (tmp_path / "atlas.json").write_text('{"schema": 99}')
    with pytest.raises(AtlasError, match="schema 99"):
        data.read_atlas(tmp_path)
    (tmp_path / "atlas.json").write_text("[]")
    with pytest.raises(AtlasError, match="no JSON object"):
        data.read_atlas(tmp_path)
