import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.data import records
from atlas.errors import AtlasError

numbers = st.integers(-500, 500)
boxes = st.tuples(numbers, numbers, numbers, numbers)
winners = st.builds(
    records.Winner, st.integers(0), st.text(), st.none() | st.text(), st.floats(0, 1e30),
    st.tuples(numbers, numbers), boxes, boxes,
)  # fmt: skip
link = st.tuples(st.text(), st.integers(0), st.none() | st.floats(-1, 1))
figure = st.none() | st.floats(-1, 2)
evidence = st.builds(
    records.Evidence, *[st.lists(figure, max_size=9).map(tuple) for _ in records.MEASURES]
)
links = st.lists(link, max_size=3).map(tuple)
units = st.builds(
    records.Unit,
    st.integers(0),
    st.integers(0),
    st.lists(winners, max_size=9).map(tuple),
    st.none() | boxes,
    st.tuples(st.integers(0), st.lists(st.integers(0)).map(tuple)),
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
layers = st.builds(
    records.LayerData, st.text(), st.text(), st.text(), st.tuples(numbers, numbers, numbers),
    st.builds(records.ReceptiveField, pairs, pairs, pairs), st.integers(0),
    st.builds(records.Plate, pairs, numbers, numbers, st.booleans()),
    st.none() | st.tuples(numbers, numbers, numbers), st.lists(units, max_size=3).map(tuple),
)  # fmt: skip


@given(layers)
def test_a_layer_survives_being_written(layer: records.LayerData) -> None:
    assert records.LayerData.of_json(json.loads(records.dumps(layer.as_json()))) == layer


def test_the_schema_of_a_layer() -> None:
    winner = records.Winner(
        17, "tench/x.jpg", "tench", 12.5, (4, 9), (1, 2, 12, 13), (1, 2, 12, 13)
    )
    field = records.ReceptiveField((11, 11), (4, 4), (-2, -2))
    unit = records.Unit(0, 500, (winner,), None, (9, (500,)), (("conv0", 3, -0.5),))
    layer = records.LayerData(
        "conv1", "features.0", "convolution", (1, 55, 55), field, 500,
        records.Plate((121, 121), 2, 10), None, (unit,),
    )  # fmt: skip
    found = layer.as_json()
    assert {key: found[key] for key in ("schema", "layer", "module", "units")} == {
        "schema": 3, "layer": "conv1", "module": "features.0", "units": 1,
    }  # fmt: skip
    assert json.loads(records.dumps(found))["receptive_field"] == {
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
    def unit(*labels: str | None) -> records.Unit:
        nine = [
            records.Winner(i, "", x, 1.0, (0, 0), (0,) * 4, (0,) * 4) for i, x in enumerate(labels)
        ]
        return records.Unit(0, 9, tuple(nine))

    assert unit("a", "b", "b", "a").commonest == ("a", 2)
    assert unit("a", "b", "b").commonest == ("b", 2)
    assert unit(None, None).commonest is None


def test_what_can_not_be_read_is_said(tmp_path) -> None:
    with pytest.raises(AtlasError, match=r"atlas\.json can't be read"):
        records.read_atlas(tmp_path)
    (tmp_path / "atlas.json").write_text('{"schema": 99}')
    with pytest.raises(AtlasError, match="schema 99"):
        records.read_atlas(tmp_path)
    (tmp_path / "atlas.json").write_text("[]")
    with pytest.raises(AtlasError, match="no JSON object"):
        records.read_atlas(tmp_path)
