from hypothesis import given
from hypothesis import strategies as st

from atlas.duplicates import Seen

hashes = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40)


@given(hashes, st.integers(0, 63), st.data())
def test_near_pictures_are_found_as_by_comparing_each_with_each(
    looks: list[int], near: int, data: st.DataObject
) -> None:
    # some that differ from an earlier one in a few bits
    for _ in range(5):
        flips = data.draw(st.lists(st.integers(0, 63), max_size=12))
        base = data.draw(st.sampled_from(looks))
        for bit in flips:
            base ^= 1 << bit
        looks.append(base)
    seen = Seen(near)
    kept: list[int] = []
    for index, look in enumerate(looks):
        wanted = next((k for k in kept if (looks[k] ^ look).bit_count() <= near), None)
        assert seen.original(index, index.to_bytes(4, "big"), look) == wanted
        if wanted is None:
            kept.append(index)


def test_equal_pixels_count_once_whatever_else() -> None:
    for near in (None, 4):
        seen = Seen(near)
        assert seen.original(0, b"a", 1) is None
        assert seen.original(1, b"b", 0xFFFF) is None
        assert seen.original(2, b"a", 1) == 0
    assert Seen().original(5, b"c", None) is None
