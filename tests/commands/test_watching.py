import os
import threading
from pathlib import Path

from atlas.commands.watching import Watch


def later(act: object, *arguments: object) -> None:
    threading.Timer(0.2, act, arguments).start()  # type: ignore[arg-type]


def test_what_has_changed_is_named_and_seen_once(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    note, style = tmp_path / "notes" / "a.md", tmp_path / "mine.css"
    note.write_text("one")
    watch = Watch()
    watch.look_at([tmp_path / "notes", style])
    note.write_text("two, longer")
    assert watch.wait() == [note]
    later(style.write_text, "a {}")  # it wasn't there
    assert watch.wait() == [style]
    later(note.unlink)
    assert watch.wait() == [note]


def test_a_file_of_the_same_size_has_another_time(tmp_path: Path) -> None:
    note = tmp_path / "a.md"
    note.write_text("one")
    watch = Watch()
    watch.look_at([note])
    note.write_text("two")
    state = note.stat()
    os.utime(note, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert watch.wait() == [note]


def test_what_editors_leave_beside_a_file_is_passed_over(tmp_path: Path) -> None:
    watch = Watch()
    watch.look_at([tmp_path])
    (tmp_path / ".a.md.swp").write_text("")
    (tmp_path / "a.md~").write_text("")
    (tmp_path / "b.md").write_text("")
    assert watch.wait() == [tmp_path / "b.md"]


def test_what_changed_while_something_else_was_done_is_not_missed(tmp_path: Path) -> None:
    note, style = tmp_path / "a.md", tmp_path / "mine.css"
    note.write_text("one")
    watch = Watch()
    watch.look_at([note])
    note.write_text("two, longer")
    watch.look_at([note, style])  # as a changed atlas.toml makes it
    assert watch.wait() == [note]
