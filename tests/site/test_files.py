import os
import threading
from pathlib import Path

import pytest

from atlas.data.whole_files import unfinished
from atlas.site import files


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.html"
    files.renew(path, "é")
    assert path.read_bytes() == "é".encode()
    files.renew(path, b"\x00")
    assert path.read_bytes() == b"\x00"
    assert [each.name for each in path.parent.iterdir()] == ["b.html"]


def test_a_file_with_the_same_content_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("same")
    before = path.stat()
    files.renew(path, "same")
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_link_to_a_renewed_file_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / "published").write_text("old")
    os.link(tmp_path / "published", tmp_path / "building")
    files.renew(tmp_path / "building", "new")
    assert (tmp_path / "published").read_text() == "old"


def test_what_an_interrupted_write_leaves_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "conv1" / "0.html"
    files.renew(path, "old")

    def interrupt(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            files.renew(path, "new")
    assert unfinished(path).read_text() == "new" and path.read_text() == "old"
    files.remove_unfinished(tmp_path)
    assert [each.name for each in path.parent.iterdir()] == ["0.html"]


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1").write_bytes(b"123")
    (tmp_path / ".2").write_bytes(b"45")
    assert files.size(tmp_path) == 5


def test_folders_are_swapped_or_left_as_they_are(tmp_path: Path) -> None:
    one, other = tmp_path / "é", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / folder.name).write_text("")
    swapped = files.exchange(one, other)
    assert (one / ("other" if swapped else "é")).exists()
    assert (other / ("é" if swapped else "other")).exists()
    assert not files.exchange(one, tmp_path / "missing") and one.exists()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with files.alone(tmp_path):
            entered.set()

    with files.alone(tmp_path):
        second = threading.Thread(target=enter)
        second.start()
        assert not entered.wait(0.2)
    second.join(10)
    assert entered.is_set()


def test_alone_is_alone_but_for_itself(tmp_path: Path) -> None:
    def enter() -> None:
        with files.alone(tmp_path):
            entered.append("other")

    entered: list[str] = []
    other = threading.Thread(target=enter)
    with files.alone(tmp_path):
        with files.alone(tmp_path / "." / ".." / tmp_path.name):
            entered.append("own")
        other.start()
        other.join(0.2)
        assert entered == ["own"]  # the inner block's end ended nothing
    other.join(10)
    assert entered == ["own", "other"]
