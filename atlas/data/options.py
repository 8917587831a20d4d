"""What there is to know about an option of the command, and how texts become its values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from atlas.data.escaping import escaped

Scope = Literal["atlas", "run", "command"]


@dataclass(frozen=True)
class Kind:
    """How an option's text becomes a value, and a value the text.

    ``read`` raises ``ValueError``, with a message for people, for a text that it can't read.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str] = str


def _positive(text: str) -> int:
    number = _natural(text)
    if number == 0:
        raise ValueError("must be at least 1")
    return number


def _natural(text: str) -> int:
    if not re.fullmatch(r"[0-9]+", text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]+", text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    height, times, width = text.lower().partition("x")
    return _positive(height), _positive(width if times else height)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} is not a list of numbers") from None


def _globs(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.split(",")))


def _switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


TEXT = Kind(str)
PATH = Kind(Path)
POSITIVE = Kind(_positive)
NATURAL = Kind(_natural)
WHOLE = Kind(_whole)
SIZE = Kind(_size, lambda size: "x".join(map(str, size)))
NUMBERS = Kind(_numbers, lambda numbers: ",".join(map(str, numbers)))
GLOBS = Kind(_globs, ",".join)  # an option of this kind may be given several times
WORDS = Kind(_words, ",".join)  # several of the option's choices
LISTED = Kind(str)  # one of them, and perhaps more after commas, which ``Settings`` takes apart
SWITCH = Kind(_switch, lambda value: str(value).lower())  # an option of this kind takes no text


@dataclass(frozen=True)
class Option:
    """What there is to know about one option.

    ``name`` is the field of ``Settings``, ``default`` its value where nobody gives one. ``group``,
    ``help``, ``metavar`` and ``choices`` are for the command's help, ``kind`` for reading it.

    ``decides``: the value can change what is computed. ``private``: the value stays on this
    machine; neither ``atlas.json`` nor a page has it. ``may_be_path``: the value leaves this
    machine as its last component alone, and in ``atlas.toml`` it starts from that file's folder.

    ``scope``: an "atlas" option says which atlas to build, so a command with one builds that atlas
    alone. A "run" option says how to build. Both may stand in an ``[[atlas]]`` table of
    ``atlas.toml``. A "command" option is about the whole command and may not.
    """

    name: str
    default: Any
    group: str
    help: str
    kind: Kind
    metavar: str | None
    choices: tuple[str, ...] | None
    decides: bool
    private: bool
    may_be_path: bool
    scope: Scope

    @property
    def key(self) -> str:
        """Its name on the command line, without the dashes, and in ``atlas.toml``."""
        return self.name.replace("_", "-")

    def read(self, text: str) -> Any:
        """The value that a text means. Raises ``ValueError``, with a message for people."""
        value = self.kind.read(text)
        for one in value if self.kind is WORDS else self._listed(value):
            if self.choices and one not in self.choices:
                raise ValueError(f"{one!r} is not among {', '.join(self.choices)}")
        return value

    def _listed(self, value: Any) -> list[Any]:
        return value.split(",") if self.kind is LISTED else [value]

    def shared(self, value: Any) -> Any:
        """A value as it may leave this machine, in JSON types; texts are escaped."""
        if self.may_be_path and value is not None:
            value = last_component(str(value))
        if isinstance(value, tuple):
            return [escaped(one) if isinstance(one, str) else one for one in value]
        return escaped(str(value)) if isinstance(value, str | Path) else value

    def words(self, value: Any) -> list[str]:
        """What to write on a command line for a value other than None."""
        if self.kind is SWITCH:
            return [f"--{self.key}" if value else f"--no-{self.key}"]
        text = self.kind.write(value)
        return [f"--{self.key}={text}"] if text.startswith("-") else [f"--{self.key}", text]


def option(
    group: str,
    default: Any = None,
    *,
    help: str,
    kind: Kind = TEXT,
    metavar: str | None = None,
    choices: tuple[str, ...] | None = None,
    decides: bool = True,
    private: bool = False,
    may_be_path: bool = False,
    scope: Scope = "atlas",
) -> Any:
    """A field of ``Settings`` with all there is to know about its option (see ``Option``)."""
    about = dict(group=group, help=help, kind=kind, metavar=metavar, choices=choices)
    rules = dict(decides=decides, private=private, may_be_path=may_be_path, scope=scope)
    return field(default=default, metadata={**about, **rules})


def last_component(path: str) -> str:
    """The last component of a path; the path itself where it has none, as "/"."""
    return Path(path).name or path
