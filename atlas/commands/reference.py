"""The page of all options, ``docs/options.md``, written from the fields of ``Settings``."""

from __future__ import annotations

from itertools import groupby

from atlas.commands.config import SITE_KEYS
from atlas.data.options import SWITCH, Option
from atlas.data.settings import OPTIONS

HEAD = """\
# Every option

All options of `python build.py`. `python -m atlas.commands.reference` prints this page.

*About*: an option about the *atlas* says which one to build. With one of them the command builds
this atlas alone, even where `atlas.toml` lists others. An option about the *run* says how to build.
Both are keys of the `[[atlas]]` tables of `atlas.toml`, too; the command line goes before the file.
An option about the *command* is not.

*Decides*: another value can change what is computed, so the atlas is computed again.

*Kept*: `atlas.json` holds the value, and pages may show it; of a path they have the last component
alone.
"""

SITE = """\
## The site

Keys of the `[site]` table of `atlas.toml`. None decides what is computed. Paths start at the
file's own folder.

| key | what it means |
| --- | --- |"""


def reference() -> str:
    """The page, in Markdown."""
    parts = [HEAD]
    for group, options in groupby(OPTIONS, lambda option: option.group):
        head = ["option", "what it means", "about", "decides", "kept"]
        rows = [head, ["---"] * len(head), *map(_row, options)]
        parts.append(f"## {group.capitalize()}\n")
        parts += [f"| {' | '.join(row)} |" for row in rows]
        parts.append("")
    parts += [SITE, *(f"| `{key.name}` | {key.help} |" for key in SITE_KEYS), ""]
    return "\n".join(parts)


def _row(option: Option) -> list[str]:
    value = option.metavar or "|".join(option.choices or ()) or option.key.upper()
    shown = f"--{option.key}" if option.kind is SWITCH else f"--{option.key} {value}"
    kept = "no" if option.private else "last component" if option.may_be_path else "yes"
    code = "`" + shown.replace("|", "\\|") + "`"
    return [code, option.help, option.scope, "yes" if option.decides else "no", kept]


if __name__ == "__main__":
    print(reference(), end="")
