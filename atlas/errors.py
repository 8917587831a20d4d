"""The errors that are meant for people; any other is a bug and may show its traceback."""

from __future__ import annotations


class AtlasError(Exception):
    """A build that can't go on: one line that says what is wrong, where, and what to do."""

    exit_code = 1


class UsageError(AtlasError):
    """The command was called with something that can't be meant."""

    exit_code = 2
