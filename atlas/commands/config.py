"""``atlas.toml``: the atlases of a site, and what the site says of itself."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas.commands.synonyms import read_synonyms
from atlas.data.options import PATH, Option
from atlas.data.settings import OPTIONS
from atlas.errors import UsageError


@dataclass(frozen=True)
class SiteKey:
    """A key of ``[site]``: what it means, and whether it is a path from the file's own folder."""

    name: str
    help: str
    is_path: bool = False
    kind: type = str


_COMPARE = "compare"
SITE_KEYS = (
    SiteKey("title", "the site's title"),
    SiteKey("author", "who made it"),
    SiteKey("base-url", "as `--base-url`, which goes before it"),
    SiteKey("licence", "a line on the licence of its texts"),
    SiteKey("notes", "as `--notes`, which goes before it", is_path=True),
    SiteKey(
        _COMPARE,
        'pairs of atlases to show side by side, as `[["alexnet", "untrained"]]`; as '
        '`[{ atlases = ["one", "other"], match = true }]` their units are matched by what '
        "activates them, which any two networks with the same images can be",
    ),
    SiteKey("css", "a style sheet, which comes after the site's own on every page", is_path=True),
    SiteKey(
        "templates",
        "a folder: a file in it replaces the one of its name in `templates/`, which it may extend "
        "as `original/NAME`",
        is_path=True,
    ),
    SiteKey("logo", "a picture in the header of every page, beside the title", is_path=True),
    SiteKey("footer", "Markdown at the foot of every page; its links start at the site's root"),
    SiteKey(
        "raw-html",
        "true keeps HTML in notes and the footer as it is; without it only what shows something "
        "stays: no scripts, styles, frames, forms and handlers",
        kind=bool,
    ),
    SiteKey(
        "labels",
        "a CSV file of addresses and people's own names for units, as `conv5/49, faces` or "
        "`alexnet:conv5/49, faces`",
        is_path=True,
    ),
)


@dataclass(frozen=True)
class Pair:
    """Two atlases to compare, by name; ``match`` says whether their units are to be matched."""

    atlases: tuple[str, str]
    match: bool = False


_ATLAS = {one.key: one for one in OPTIONS if one.scope != "command"}


@dataclass(frozen=True)
class Config:
    """What a configuration says.

    ``site`` holds what its ``[site]`` gives of ``SITE_KEYS``; ``atlases`` the settings that the
    tables of its atlases give, by name; ``synonyms`` the names that words stand for in the search.
    """

    site: dict[str, Any] = field(default_factory=dict)
    atlases: list[dict[str, Any]] = field(default_factory=list)
    synonyms: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def paths(self) -> list[Path]:
        """The files and folders that ``[site]`` names."""
        return [
            Path(self.site[key.name]) for key in SITE_KEYS if key.is_path and key.name in self.site
        ]


@dataclass(frozen=True)
class _Source:
    """The configuration's file and text."""

    path: Path
    text: str

    def place(self, key: str = "", table: str = "", number: int = 0) -> str:
        """The file, and the line of a key in a table, the ``number``-th of its name, if found.

        A key at the top of the file has no table.
        """
        here, count = "", -1
        for line, text in enumerate(self.text.splitlines(), 1):
            if head := re.match(r"\s*\[+\s*([\w-]+)\s*\]+", text):
                here, count = head[1], count + (head[1] == table)
                if here == key and not table:
                    return f"{self.path}:{line}"
            said = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", text)
            inside = here == table and (not table or count == number)
            if said and inside and said[1].replace("_", "-") == key:
                return f"{self.path}:{line}"
        return str(self.path)


def read_config(path: Path) -> Config:
    """Read a configuration.

    Raises ``UsageError`` for a file that isn't TOML, for a key that doesn't exist and for a value
    that can't be meant; with the line, where that can be told.
    """
    try:
        source = _Source(path, path.read_text("utf-8"))
        found = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        found_at = re.search(r"\(at line (\d+)", str(error))
        line = int(found_at[1]) if found_at else max(1, len(source.text.splitlines()))
        raise UsageError(f"{path}:{line}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from error
    for key in found:
        _known(source.place(key), "the file", key, ("site", "atlas", "synonyms"))
    for key, kind, form in (("site", dict, "[site]"), ("atlas", list, "[[atlas]]")):
        if not isinstance(found.get(key, kind()), kind):
            raise UsageError(f"{source.place(key)}: {key}: a table {form} is wanted")
    site = _site(source, found.get("site", {}))
    tables = enumerate(found.get("atlas", []))
    atlases = [_settings(source, number, table) for number, table in tables]
    return Config(site, atlases, read_synonyms(path, found.get("synonyms", {})))


def _site(source: _Source, table: dict[str, Any]) -> dict[str, Any]:
    """What ``[site]`` says, with paths from the file's own folder."""
    keys = {one.name: one for one in SITE_KEYS}
    site: dict[str, Any] = {}
    for key, value in ((key.replace("_", "-"), value) for key, value in table.items()):
        place = source.place(key, "site")
        _known(place, "[site]", key, keys)
        if key == _COMPARE:
            site[key] = _pairs(place, value)
            continue
        if not isinstance(value, keys[key].kind):
            wanted = "a text" if keys[key].kind is str else "true or false"
            raise UsageError(f"{place}: [site] {key}: {wanted} is wanted")
        site[key] = str(source.path.parent / str(value)) if keys[key].is_path else value
    return site


def _pairs(place: str, said: Any) -> list[Pair]:
    pairs = []
    for one in said if isinstance(said, list) else [said]:
        table = one if isinstance(one, dict) else {"atlases": one}
        names, match = table.get("atlases"), table.get("match", False)
        if not (
            isinstance(names, list)
            and len(names) == 2
            and all(isinstance(name, str) for name in names)
            and isinstance(match, bool)
            and not table.keys() - {"atlases", "match"}
        ):
            raise UsageError(f"{place}: [site] compare: pairs of atlases are wanted, not {one!r}")
        pairs.append(Pair((names[0], names[1]), match))
    return pairs


def _settings(source: _Source, number: int, table: dict[str, Any]) -> dict[str, Any]:
    """What an atlas's table, the ``number``-th, says, as settings by name."""
    said = {key.replace("_", "-"): value for key, value in table.items()}
    where = f"[[atlas]] {said.get('name', '')}".strip()
    settings = {}
    for key, value in said.items():
        place = source.place(key, "atlas", number)
        _known(place, where, key, _ATLAS)
        option = _ATLAS[key]
        try:
            settings[option.name] = option.read(_text(source.path.parent, option, value))
        except ValueError as error:
            raise UsageError(f"{place}: {where} {key}: {error}") from None
    return settings


def _text(folder: Path, option: Option, value: Any) -> str:
    """A value of the configuration in ``folder`` as the command line would give it."""
    if isinstance(value, bool):
        return str(value).lower()
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    beside = folder / text.partition(":")[0]
    # a word such as "alexnet" or "none" is a name, though a file beside may be called so
    is_path = "/" in text or "." in text or option.kind is PATH
    is_folder = option.name == "images" and text != option.default
    if option.may_be_path and (is_path or is_folder) and beside.exists():
        return str(folder / text)
    return text


def _known(place: str, where: str, key: str, known: Iterable[str]) -> None:
    if key not in known:
        near = difflib.get_close_matches(key, known, 3, 0.4) or sorted(known)
        raise UsageError(f"{place}: {where} has no {key!r}; nearest: {', '.join(near)}")
