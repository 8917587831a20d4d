"""What a terminal shows of long stages, and what anything else does."""

import io

import pytest

from atlas.runtime.progress import announced, bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_stage_without_a_foreseeable_end_is_named_and_wiped_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with announced("loading"):
        assert terminal.getvalue() == "       loading ..."
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_file_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    with announced("loading"):
        assert list(bar(range(3), 3, "scanning")) == [0, 1, 2]
    assert file.getvalue() == ""
