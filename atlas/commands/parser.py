"""What the command line understands: its options, made from the fields of ``Settings``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from atlas.data.options import SWITCH, Option
from atlas.data.settings import OPTIONS, SEES
from atlas.errors import UsageError

_NOTES = {SEES: "defaults are those that the weights were trained with"}  # by group of options

# the options of a command that shows one image to a network
ONE_IMAGE = (
    *("model", "weights", "seed", "device"),
    *("resize", "crop", "mean", "std", "interpolation", "colour"),
    *("images", "limit", "debug"),
)


class Parser(argparse.ArgumentParser):
    """Raises ``UsageError`` for what it can't read."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Raise it, where argparse would print and exit."""
        raise UsageError(f"{message} (python {self.prog} --help shows how it is used)")


@dataclass(frozen=True)
class Command:
    """A command: ``python build.py NAME``.

    ``description`` and ``examples`` are for its help, and the examples for that of ``build``, too.
    ``add`` adds its arguments to a parser; ``run`` does what the parsed ones ask for, and returns
    the exit code.
    """

    name: str
    description: str
    examples: str
    add: Callable[[Parser], None]
    run: Callable[[argparse.Namespace], int]


def parser_of(commands: Sequence[Command]) -> Parser:
    """The parser of the whole command line."""
    made = Parser(prog="build.py", allow_abbrev=False)
    own = made.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        default = command is commands[0]
        shown = commands if default else (command,)
        parser = own.add_parser(
            command.name,
            prog=made.prog if default else f"{made.prog} {command.name}",
            description=command.description,
            epilog="\n".join(["examples:", *(one.examples for one in shown)]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add(parser)
        parser.set_defaults(run=command.run, parser=parser)
    return made


def parsed(commands: Sequence[Command], words: Sequence[str]) -> argparse.Namespace:
    """The arguments of a command line, with the ``run`` of the command that they are for.

    That is the first one where none is named. Raises ``UsageError`` for what none understands.
    """
    named = words and not words[0].startswith("-")
    asked, more = parser_of(commands).parse_known_args(
        words if named else [commands[0].name, *words]
    )
    if more:
        asked.parser.error(f"unrecognized arguments: {' '.join(more)}")
    return asked


def add_options(parser: Parser, names: Iterable[str]) -> None:
    """Add some of the options of ``Settings`` to a parser, in the groups of its help."""
    wanted = set(names)
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in (one for one in OPTIONS if one.name in wanted):
        name = option.group
        if name not in groups:
            groups[name] = parser.add_argument_group(name, _NOTES.get(name))
        _add_option(groups[name], option)


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that somebody gave, by name. Those that are left out have their defaults."""
    said = {one.name: getattr(arguments, one.name) for one in OPTIONS if one.name in arguments}
    # what may be given several times is a list
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in said.items()
    }


def _add_option(group: argparse._ArgumentGroup, option: Option) -> None:
    about: dict[str, Any] = dict(dest=option.name, default=argparse.SUPPRESS)
    about["help"] = option.help.replace("%", "%%")
    if option.kind is SWITCH:
        # what atlas.toml may say, the command line may contradict
        both = option.scope != "command"
        action: Any = argparse.BooleanOptionalAction if both else "store_true"
        group.add_argument(f"--{option.key}", action=action, **about)
        return
    if isinstance(option.default, tuple):
        about["action"] = "extend"
    group.add_argument(
        f"--{option.key}",
        type=_reader(option),
        metavar=option.metavar or _choices(option),
        **about,
    )


def _choices(option: Option) -> str | None:
    return "{" + ",".join(option.choices) + "}" if option.choices else None


def _reader(option: Option) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return option.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read
