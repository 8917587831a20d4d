from hypothesis import given
from hypothesis import strategies as st

from atlas.site.branch_lines import Line, Row, rows, width


def test_a_chain_stands_in_one_lane() -> None:
    drawn = rows({"a": [""], "b": ["a"], "c": ["b"]})
    assert drawn == [Row(0, (), (0,)), Row(0, (Line(0, 0),), (0,)), Row(0, (Line(0, 0),), ())]


def test_a_residual_runs_beside_what_it_passes() -> None:
    drawn = rows({"a": [""], "b": ["a"], "sum": ["a", "b"]})
    assert width(drawn) == 2
    assert drawn[1].lane == 1 and (0, 0) in drawn[1].above and drawn[1].below == (0, 1)
    assert set(drawn[2].above) >= {(0, 0), (1, 0)} and drawn[2].below == ()


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    count = draw(st.integers(1, 12))
    names = [str(n) for n in range(count)]
    return {
        name: [""] if not place else draw(st.lists(st.sampled_from(names[:place]), unique=True))
        for place, name in enumerate(names)
    }


@given(graphs())
def test_lines_join_exactly_what_is_computed_from_each_other(parents: dict[str, list[str]]) -> None:
    held: dict[int, str] = {}
    for (name, known), row in zip(parents.items(), rows(parents), strict=True):
        joined = {held[start] for start, end in row.above if start in held and end == row.lane}
        passing = {start for start, end in row.above if start == end and start != row.lane}
        assert set(known) - {""} <= joined
        assert all(held[start] in known for start, end in row.above if start != end)
        after = {lane: held[lane] for lane in passing}
        if row.lane in row.below:
            still = any((s, e) == (row.lane, row.lane) for s, e in row.above)
            assert not still or held[row.lane] in known or row.lane not in held
            after[row.lane] = name
        assert set(row.below) == set(after)
        held = after
