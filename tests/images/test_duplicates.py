import hashlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from atlas.images.duplicates import DuplicateIndex, ImageIdentity
from atlas.runtime.checkpoint import Checkpoint

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
    seen = DuplicateIndex(near)
    kept: list[int] = []
    for index, look in enumerate(looks):
        wanted = next((k for k in kept if (looks[k] ^ look).bit_count() <= near), None)
        repeats = seen.include([ImageIdentity(index, index.to_bytes(4, "big"), look)])
        assert repeats == (set() if wanted is None else {index})
        assert seen.repeats.get(index) == wanted
        if wanted is None:
            kept.append(index)


def test_equal_pixels_count_once_whatever_else() -> None:
    for near in (None, 4):
        seen = DuplicateIndex(near)
        assert seen.include([ImageIdentity(0, b"a", 1), ImageIdentity(1, b"b", 0xFFFF)]) == set()
        assert seen.include([ImageIdentity(2, b"a", 1), ImageIdentity(3, b"a", 1)]) == {2, 3}
        assert seen.repeats == {2: 0, 3: 0}
    assert DuplicateIndex().include([ImageIdentity(5, b"c")]) == set()


def test_the_digest_is_that_of_all_images_in_order() -> None:
    one, other = DuplicateIndex(), DuplicateIndex()
    one.include(
        [
            ImageIdentity(0, b"a"),
            ImageIdentity(1, b"b", None, True),
            ImageIdentity(2, b"a", None, True),
        ]
    )
    other.include([ImageIdentity(0, b"a"), ImageIdentity(1, b"b")])
    other.include([ImageIdentity(2, b"a")])
    assert one.digest == other.digest == hashlib.sha256(b"aba").hexdigest()
    assert one.recoloured == 1  # repeats don't count


def test_images_that_can_not_be_read_leave_a_gap() -> None:
    seen = DuplicateIndex()
    seen.include([ImageIdentity(0, b"a"), ImageIdentity(2, b"a")])
    seen.leave_out({3: "empty", 1: "broken"})
    assert seen.unread == {1: "broken", 3: "empty"} and seen.repeats == {2: 0}
    assert seen.digest == hashlib.sha256(b"a" + bytes(16) + b"a" + bytes(16)).hexdigest()


def test_what_a_checkpoint_has_seen_is_still_known(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state")
    seen = DuplicateIndex(3, checkpoint)
    seen.include([ImageIdentity(0, b"a", 0xF0)])
    checkpoint.commit()
    seen.include([ImageIdentity(1, b"b", 0xF0 << 20)])  # is not committed, and so never was
    checkpoint.close()
    again = DuplicateIndex(3, Checkpoint(tmp_path / "state"))
    assert again.include([ImageIdentity(1, b"c", 0xF1), ImageIdentity(2, b"a", 1 << 63)]) == {1, 2}
    assert again.repeats == {1: 0, 2: 0}
