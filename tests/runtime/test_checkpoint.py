import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.runtime.checkpoint import Checkpoint, UnusableCheckpoint, _with_row, holds_work
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
    with disk(tmp_path / "disk", 56):
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


def filled(path: Path) -> Checkpoint:
    checkpoint = Checkpoint(path)
    checkpoint.add_table("seen", ("image INTEGER PRIMARY KEY", "digest BLOB", "near INT"))
    for step in range(40):
        checkpoint["scanned"] = step
        checkpoint.keep(f"conv{step % 3} value", np.arange(900, dtype=np.float32) * step)
        checkpoint.database.execute("INSERT INTO seen VALUES (?, ?, NULL)", [step, bytes([step])])
    checkpoint.commit()
    return checkpoint


def test_whatever_changes_of_what_it_holds_is_found(tmp_path: Path) -> None:
    path, dice = tmp_path / "state", random.Random(3)
    checkpoint = filled(path)
    assert checkpoint.is_whole()
    checkpoint.close()
    content, found = path.read_bytes(), 0
    wanted = contents(path)
    for _ in range(150):
        changed = bytearray(content)
        changed[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        path.write_bytes(changed)
        try:
            checkpoint = Checkpoint(path)
            is_whole = checkpoint.is_whole()
            checkpoint.close()
        except UnusableCheckpoint:
            is_whole = False
        found += not is_whole
        assert not is_whole or contents(path) == wanted  # what nothing lies in
    assert found > 20  # much of the file holds nothing


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE facts SET value = 3 WHERE name = 'scanned'",
        "DELETE FROM seen WHERE image = 7",
        "DELETE FROM seen",
        "INSERT INTO seen VALUES (40, x'00', NULL)",
        "UPDATE arrays SET name = 'conv9 value' WHERE name = 'conv1 value'",
        "DELETE FROM sums",
        "UPDATE seen SET near = 3 WHERE image = 39",
        "DROP TABLE seen",
    ],
)
def test_so_is_a_row_that_is_another_or_gone(tmp_path: Path, change: str) -> None:
    filled(tmp_path / "state").close()
    with closing(sqlite3.connect(tmp_path / "state")) as other:
        other.execute(change)
        other.commit()
    checkpoint = Checkpoint(tmp_path / "state")
    assert not checkpoint.is_whole()
    checkpoint.close()


def contents(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as database:
        tables = ("facts WHERE name != 'opened'", "arrays", "seen")
        return [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]


def test_it_needs_no_file() -> None:
    checkpoint = Checkpoint()
    checkpoint["a"] = {"b": [1, None]}
    assert checkpoint["a"] == {"b": [1, None]}


def test_only_one_build_has_it_open(tmp_path: Path) -> None:
    first = Checkpoint(tmp_path / "state")
    with pytest.raises(AtlasError, match=r"is in use: another build") as caught:
        Checkpoint(tmp_path / "state")
    assert not isinstance(caught.value, UnusableCheckpoint)
    first.close()
    Checkpoint(tmp_path / "state").close()


def test_damage_is_told_from_other_trouble_and_no_work_from_some(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("Dear diary" * 100)
    with pytest.raises(UnusableCheckpoint):
        Checkpoint(tmp_path / "state")
    assert holds_work(tmp_path / "state") is False


def test_commits_are_counted() -> None:
    checkpoint = Checkpoint()
    assert checkpoint.commits == 0
    checkpoint.commit()
    checkpoint.commit()
    assert checkpoint.commits == 2


@given(st.integers(-(2**63), 2**63 - 1), st.lists(st.binary(max_size=3) | st.integers()))
def test_a_row_that_comes_and_goes_leaves_the_sum_as_it_was(value: int, row: list[object]) -> None:
    more = _with_row(value, 1, *row)
    assert -(2**63) <= more < 2**63 and more != value
    assert _with_row(more, -1, *row) == value
    assert _with_row(value, 1, b"1", b"") != _with_row(value, 1, b"", b"1")
