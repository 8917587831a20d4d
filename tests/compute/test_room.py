from pathlib import Path

import numpy as np
import pytest

from atlas.compute.room import room
from tests.support.disks import disk


def test_an_array_is_as_it_was_left(tmp_path: Path) -> None:
    one = room(tmp_path / "a", (2, 3), np.float32)
    assert not one.any()
    one[1] = 7
    del one
    assert room(tmp_path / "a", (2, 3), np.float32).tolist() == [[0, 0, 0], [7, 7, 7]]
    assert not room(tmp_path / "a", (3, 3), np.float32).any()  # of another shape
    assert room(tmp_path / "b", (0, 3), np.float32).shape == (0, 3)


def test_a_disk_without_room_for_all_of_it_is_an_error_at_once(tmp_path: Path) -> None:
    """Otherwise the first page that finds no room ends the process, without a word."""
    with disk(tmp_path / "disk", 64) as resize:
        path = tmp_path / "disk" / "a"
        for _ in range(2):  # the file that the first leaves has the right size
            with pytest.raises(OSError, match="No space left"):
                room(path, (1 << 18,), np.uint8)
        resize(1024)
        assert not room(path, (1 << 18,), np.uint8).any()
