from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from atlas.data.numbered import find


@dataclass(frozen=True)
class Known:
    unit: int


@given(st.sets(st.integers(0, 30)), st.integers(0, 30))
def test_a_unit_is_found_by_its_number_if_it_is_there(numbers: set[int], number: int) -> None:
    found = find([Known(one) for one in sorted(numbers)], number)
    assert found == (Known(number) if number in numbers else None)
