"""The place where an atlas is built."""

import errno
import os
from pathlib import Path

import pytest

from atlas.errors import AtlasError, UsageError
from atlas.site.staging import building, staging


def test_a_failed_build_leaves_the_site_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "atlas.json").write_text("old")

    def build() -> None:
        with staging(tmp_path, "one", worth_keeping=lambda scratch: False) as place:
            (place.folder / "atlas.json").unlink()
            (place.folder / "atlas.json").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        build()
    assert (tmp_path / "one" / "atlas.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_what_is_no_atlas_is_not_replaced(tmp_path: Path) -> None:
    def stage(name: str) -> None:
        with staging(tmp_path, name, worth_keeping=lambda scratch: False):
            pass

    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("precious")
    with pytest.raises(UsageError, match="won't be replaced"):
        stage("thesis")
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "precious"
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        stage("file")
    for name in ("..", "a/b", "", ".hidden"):
        with pytest.raises(UsageError, match="--name"):
            stage(name)


def test_a_lock_that_is_damaged_keeps_nobody_out_and_others_stay_out(tmp_path: Path) -> None:
    lock = building(tmp_path, "one") / "lock.sqlite"
    lock.parent.mkdir()
    for content in (b"Dear diary" * 999, b"SQLite format 3\0", b"\0"):
        lock.write_bytes(content)
        (lock.parent / "scratch").mkdir(exist_ok=True)
        (lock.parent / "scratch" / "half").write_text("done")
        with staging(tmp_path, "one", worth_keeping=lambda scratch: True) as place:
            assert (place.scratch / "half").is_file()
            with pytest.raises(AtlasError, match="another build"):  # noqa: SIM117
                with staging(tmp_path, "one", worth_keeping=lambda scratch: True):
                    pass
        lock.parent.mkdir()


def test_where_files_cannot_be_linked_they_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(source: object, target: object) -> None:
        raise OSError(errno.EPERM, "no links on this file system")

    monkeypatch.setattr(os, "link", fails)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "atlas.json").write_text("old")
    with staging(tmp_path, "one", worth_keeping=lambda scratch: False) as place:
        assert (place.folder / "atlas.json").read_text() == "old"
        (place.folder / "atlas.json").write_text("new")  # in place
    assert (tmp_path / "one" / "atlas.json").read_text() == "old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_place_that_cannot_be_made_is_told_and_a_full_disk_by_itself(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, "it can't be")

    monkeypatch.setattr(Path, "mkdir", fails)
    with pytest.raises(AtlasError if number == errno.EIO else OSError, match="it can't be"):  # noqa: SIM117
        with staging(tmp_path, "one", worth_keeping=lambda scratch: False):
            pass
