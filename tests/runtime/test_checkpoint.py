import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from atlas.errors import AtlasError
from atlas.runtime.checkpoint import Checkpoint, holds_work
from atlas.runtime.full_disk import is_full
from tests.support.disks import disk


def test_what_was_committed_is_kept_and_nothing_else(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state")
    checkpoint["scanned"] = 64
    checkpoint.keep("conv1 value", np.arange(6, dtype=np.float32).reshape(2, 3))
    checkpoint.commit()
    checkpoint["scanned"] = 128
    checkpoint.close()
    again = Checkpoint(tmp_path / "state")
    assert again["scanned"] == 64 and again["visited"] is None
    found = again.array("conv1 value")
    assert found.dtype == np.float32 and found.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(KeyError, match="conv2"):
        again.array("conv2 value")


def test_work_is_told_from_none_without_a_write(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.touch()
    assert not holds_work(path)
    Checkpoint(path).close()
    assert not holds_work(path)
    checkpoint = Checkpoint(path)
    checkpoint["scanned"] = 64
    checkpoint.commit()
    checkpoint.close()
    before = path.read_bytes()
    assert holds_work(path) and path.read_bytes() == before
    assert [other.name for other in tmp_path.iterdir()] == ["state"]


def test_what_is_wrong_with_the_file_is_not_taken_for_another_build(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("Dear diary" * 100)
    with pytest.raises(AtlasError, match=r"state can't be used: file is not a database"):
        Checkpoint(path)
    assert not holds_work(path)
    with pytest.raises(AtlasError, match=r"none.state can't be opened"):
        Checkpoint(tmp_path / "none" / "state")


def test_nor_is_a_full_disk(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 40):
        path = tmp_path / "disk" / "state"
        checkpoint = Checkpoint(path)
        checkpoint["scanned"] = 64
        checkpoint.commit()
        checkpoint.close()
        free = shutil.disk_usage(tmp_path / "disk").free
        (tmp_path / "disk" / "rest").write_bytes(bytes(free))
        with pytest.raises(OSError, match="No space left") as full:
            (tmp_path / "disk" / "more").write_bytes(b"1")
        assert is_full(full.value)
        with pytest.raises(sqlite3.OperationalError) as caught:
            Checkpoint(path)
        assert is_full(caught.value) and holds_work(path)
        (tmp_path / "disk" / "rest").unlink()
        checkpoint = Checkpoint(path)
        assert checkpoint["scanned"] == 64
        with pytest.raises(sqlite3.OperationalError) as caught:
            checkpoint.keep("a", np.zeros(1 << 20))
        assert is_full(caught.value)
        checkpoint.close()


def test_it_needs_no_file() -> None:
    checkpoint = Checkpoint()
    checkpoint["a"] = {"b": [1, None]}
    assert checkpoint["a"] == {"b": [1, None]}
