"""The command line: which command is meant, and what becomes of its errors."""

from __future__ import annotations

import io
import sqlite3
import sys
from collections.abc import Sequence

from atlas.commands import build, dream, figure, occlude, serve, verify
from atlas.commands.parser import parsed
from atlas.data.escaping import escaped
from atlas.errors import AtlasError, first_line

COMMANDS = (
    build.COMMAND,  # the one that is meant where none is named
    serve.COMMAND,
    verify.COMMAND,
    figure.COMMAND,
    occlude.COMMAND,
    dream.COMMAND,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns its exit code: 0, 1 for a failure, 2 for bad usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error has it
    try:
        asked = parsed(COMMANDS, words)
        code: int = asked.run(asked)
    except AtlasError as error:
        if "--debug" in words:
            raise
        print(f"build.py: {escaped(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        goes_on = "the site is as it was, and the same command goes on from here"
        print(f"build.py: interrupted; {goes_on}", file=sys.stderr)
        return 130
    except (OSError, MemoryError, RuntimeError, sqlite3.Error) as error:
        if "--debug" in words:
            raise
        said = escaped(first_line(error))
        print(f"build.py: {said} (--debug shows where)", file=sys.stderr)
        return 1
    return code
