"""``atlas.toml``: the atlases of a site, and what the site says of itself."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas.data.options import Option
from atlas.data.settings import OPTIONS
from atlas.errors import UsageError

_SITE = ("title", "author", "base-url", "licence", "notes", "compare")
_ATLAS = {one.key: one for one in OPTIONS if one.scope != "command"}


@dataclass(frozen=True)
class Config:
    """What a configuration says.

    ``site`` holds its title, author, base-url, licence, notes and compare, as far as they are
    given; ``atlases`` the settings that the tables of its atlases give, by name.
    """

    site: dict[str, Any] = field(default_factory=dict)
    atlases: list[dict[str, Any]] = field(default_factory=list)


def read_config(path: Path) -> Config:
    """Read a configuration.

    Raises ``UsageError`` for a file that isn't TOML, for a key that doesn't exist and for a value
    that can't be meant.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from error
    _only(path, "the file", found, ("site", "atlas"))
    for key, kind, form in (("site", dict, "[site]"), ("atlas", list, "[[atlas]]")):
        if not isinstance(found.get(key, kind()), kind):
            raise UsageError(f"{path}: {key}: a table {form} is wanted")
    site = {key.replace("_", "-"): value for key, value in found.get("site", {}).items()}
    _only(path, "[site]", site, _SITE)
    for key in ("title", "author", "base-url", "licence", "notes"):
        if not isinstance(site.get(key, ""), str):
            raise UsageError(f"{path}: [site] {key}: a text is wanted")
    for pair in site.get("compare", []):
        if not (
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, str) for n in pair)
        ):
            raise UsageError(f"{path}: [site] compare: pairs of atlases are wanted, not {pair!r}")
    if "notes" in site:
        site["notes"] = str(path.parent / site["notes"])
    return Config(site, [_settings(path, table) for table in found.get("atlas", [])])


def _settings(path: Path, table: dict[str, Any]) -> dict[str, Any]:
    """What an atlas's table says, as settings by name."""
    said = {key.replace("_", "-"): value for key, value in table.items()}
    where = f"[[atlas]] {said.get('name', '')}".strip()
    _only(path, where, said, _ATLAS)
    settings = {}
    for key, value in said.items():
        option = _ATLAS[key]
        try:
            settings[option.name] = option.read(_text(path.parent, option, value))
        except ValueError as error:
            raise UsageError(f"{path}: {where} {key}: {error}") from None
    return settings


def _text(folder: Path, option: Option, value: Any) -> str:
    """A value of the configuration in ``folder`` as the command line would give it."""
    if isinstance(value, bool):
        return str(value).lower()
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    beside = folder / text.partition(":")[0]
    if option.may_be_path and ("/" in text or "." in text) and beside.exists():
        return str(folder / text)
    return text


def _only(path: Path, where: str, found: dict[str, Any], known: Iterable[str]) -> None:
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(key, known, 3, 0.4) or sorted(known)
            raise UsageError(f"{path}: {where} has no {key!r}; nearest: {', '.join(near)}")
