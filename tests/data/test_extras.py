"""What an atlas leaves out where there is no room."""

from hypothesis import given
from hypothesis import strategies as st

from atlas.data.extras import EXTRAS, NAMES, kept, told, within

COSTS = st.fixed_dictionaries({name: st.integers(0, 99) for name in NAMES})
SOME = st.frozensets(st.sampled_from(NAMES))


def test_what_is_made_with_a_part_comes_after_it_and_goes_with_it() -> None:
    for one in EXTRAS:
        assert all(NAMES.index(needed) < NAMES.index(one.name) for needed in one.needs)
    assert kept(without=()) == set(NAMES)
    assert set(NAMES) - kept(without=["names"]) == {"names", "quizzes"}
    assert kept(without=(), jpeg=False) == set(NAMES) - {"jpeg"}
    assert not kept(without=(), lean=True)


@given(COSTS, st.integers(0, 1200), SOME)
def test_the_budget_is_kept_and_the_best_that_fits_is_there(
    costs: dict[str, int], budget: int, out: frozenset[str]
) -> None:
    allowed = kept(without=out)

    def size(some: frozenset[str]) -> int:
        return 100 + sum(costs[name] for name in some)

    chosen = within(budget, allowed, size)
    assert chosen <= allowed and (not chosen or size(chosen) <= budget)
    assert chosen == kept(without=set(NAMES) - chosen)  # nothing lacks what it is made with
    better: frozenset[str] = frozenset()
    for one in EXTRAS:  # each that is left out wouldn't fit beside the better ones
        if one.name in chosen:
            better |= {one.name}
        elif one.name in allowed and better.issuperset(one.needs):
            assert size(better | {one.name}) > budget


@given(COSTS, SOME)
def test_with_room_for_all_all_is_kept(costs: dict[str, int], out: frozenset[str]) -> None:
    allowed = kept(without=out)
    assert within(10**6, allowed, lambda some: sum(costs[name] for name in some)) == allowed


def test_what_is_left_out_is_told_with_another_way_to_have_it() -> None:
    assert told(["jpeg", "cards"]) == (
        "cards for other people's pages, plates as JPEG (build.py figure makes PNG and SVG)"
    )
