"""The errors that are meant for people; any other is a bug and may show its traceback."""

from __future__ import annotations


class AtlasError(Exception):
    """A build that can't go on: one line that says what is wrong, where, and what to do."""

    exit_code = 1


class UsageError(AtlasError):
    """The command was called with something that can't be meant."""

    exit_code = 2


def first_line(error: BaseException) -> str:
    """What an error of another library says, in one line; its kind, if it says nothing."""
    return (str(error).splitlines() or [""])[0] or type(error).__name__
