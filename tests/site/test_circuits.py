"""A unit's circuit: what is drawn of it, where, and that the numbers say the same."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.data.records import Sums
from atlas.site.render.base import PageAddress, Renderer
from atlas.site.render.circuits import (
    FIRST,
    LABEL,
    MOST,
    SECOND,
    THICKEST,
    THINNEST,
    WIDTH,
    Chosen,
    choose,
    circuit,
    layout,
    signed,
)
from atlas.site.render.view import AtlasView

FEEDERS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 5), st.floats(-9, 9), st.none()),
    min_size=1,
    max_size=6,
    unique_by=lambda feeder: feeder[:2],
)


def sums(feeders: list) -> Sums:  # type: ignore[type-arg]
    return Sums(tuple(feeders), 0.0, 0.0, 0.0, 1.0)


@given(FEEDERS, st.dictionaries(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 5)), FEEDERS))
def test_no_nodes_overlap_and_all_lie_inside(first: list, below: dict) -> None:  # type: ignore[type-arg]
    known = {name: sums(feeders) for name, feeders in below.items()}
    chosen = choose(("top", 7), sums(first), known.get)
    assert len(chosen.first) <= FIRST
    assert all(len(feeders) <= MOST for feeders in chosen.second.values())
    found = layout(chosen)
    left, middle, own = found.columns
    assert list(own) == [("top", 7)] and list(middle) == [feeder[:2] for feeder in chosen.first]
    assert len(left) <= max(SECOND, MOST)
    assert set(left) == {f[:2] for feeders in chosen.second.values() for f in feeders}
    for column in found.columns:
        places = list(column.values())
        for place in places:
            assert place.x >= 0 and place.x + place.side <= WIDTH
            assert place.y >= -0.1 and place.y + place.side + LABEL <= found.height + 0.1
        for one, other in pairwise(places):
            assert one.y + one.side + LABEL < other.y


@given(FEEDERS)
def test_what_takes_away_most_is_drawn(feeders: list) -> None:  # type: ignore[type-arg]
    strongest_first = sorted(feeders, key=lambda feeder: -abs(feeder[2]))
    drawn = choose(("top", 7), sums(strongest_first), lambda _: None).first
    least = min(amount for _, _, amount, _ in feeders)
    if least < 0:
        assert least in [amount for _, _, amount, _ in drawn]
    assert list(drawn) == [one for one in strongest_first if one in drawn]
    kept = drawn if least >= 0 or len(drawn) < FIRST else drawn[: FIRST - 1]
    assert list(kept) == strongest_first[: len(kept)]


def test_a_unit_that_feeds_two_stands_once_between_them() -> None:
    first = [("m", n, 3.0 - n, 0.1) for n in range(3)]
    second = {
        ("m", 0): [("l", 1, 1.0, 0.1), ("l", 9, 0.5, 0.1)],
        ("m", 1): [("l", 5, 1.0, 0.1)],
        ("m", 2): [("l", 9, 1.0, 0.1)],
    }
    found = layout(Chosen(("u", 0), first, second))  # type: ignore[arg-type]
    assert list(found.columns[0]) == [("l", 1), ("l", 9), ("l", 5)]


@pytest.fixture(scope="module")
def view(site: Path) -> AtlasView:
    return AtlasView.read(site / "small", Renderer())


def test_what_is_drawn_is_what_is_known(view: AtlasView) -> None:
    layer = view.layers["conv4"]
    unit = next(
        one for one in layer.top if one.sums and any(f[2] < 0 for f in one.sums.feeders[:4])
    )
    assert unit.sums
    found = circuit(view, layer, unit, view.page(f"conv4/{unit.unit}.html"))
    assert found
    first = choose(("conv4", unit.unit), unit.sums, lambda _: None).first
    own = found.edges[: len(first)]
    most = max(abs(amount) for _, _, amount, _ in first)
    for edge, (_, _, amount, _) in zip(own, first, strict=True):
        assert edge.negative == (amount < 0)
        assert edge.thickness == pytest.approx(
            max(THINNEST, THICKEST * abs(amount) / most), abs=0.06
        )
    names = {node.name for node in found.nodes}
    assert {f"{name}/{number}" for name, number, *_ in first} <= names
    # every node is a link, but for the unit itself and those that are not shown
    shown = {f"{name}/{u.unit}" for name, layer in view.layers.items() for u in layer.top}
    linked = {node.name for node in found.nodes if node.page}
    assert linked == (names & shown) - {f"conv4/{unit.unit}"} and names - shown
    # every edge stands in the list, and the list adds up
    assert len(found.edges) == len(first) + sum(len(one.parts) for one in found.sums[1:])
    numbers = [part.amount for part in found.sums[0].parts]
    numbers += [amount for _, amount in found.sums[0].remainder]
    total = sum(float(n.replace("−", "-").replace(",", "")) for n in numbers)
    assert total == pytest.approx(float(found.sums[0].whole.replace(",", "")), rel=0.02)
    assert (
        f"{signed(sum(amount for _, _, amount, _ in first))} of {found.sums[0].whole}."
        in found.drawn
    )


def test_the_page_shows_it_with_a_name_for_every_link(site: Path, view: AtlasView) -> None:
    unit = next(one for one in view.layers["conv3"].top if one.sums)
    text = (site / "small" / "conv3" / f"{unit.unit}.html").read_text()
    drawing = text[text.index('<svg class="circuit"') :].partition("</svg>")[0]
    links = re.findall(r'<a href="\.\./([^"]+)\.html">.*?<text[^>]*>([^ <]+)', drawing, re.DOTALL)
    assert links and all(name == address for address, name in links)
    drawn = re.findall(r"</foreignObject><text[^>]*>([^ <]+)", drawing)
    shown = {name for name in drawn if (site / "small" / f"{name}.html").is_file()}
    assert {name for name, _ in links} == shown - {f"conv3/{unit.unit}"}
    assert "style=" not in drawing and 'loading="lazy"' in drawing


def test_nothing_feeds_a_unit_that_reads_the_image(site: Path, view: AtlasView) -> None:
    layer = view.layers["conv1"]
    unit = next(one for one in layer.top if one.nine)
    assert unit.sums and not unit.sums.feeders
    assert circuit(view, layer, unit, PageAddress("small/conv1/0.html")) is None
    assert 'class="circuit"' not in (site / "small" / "conv1" / f"{unit.unit}.html").read_text()


def test_amounts_have_a_sign() -> None:
    assert [signed(value) for value in (1.234, -0.5, 2000)] == ["+1.23", "−0.5", "+2,000"]
