"""``atlas.toml``: the atlases of a site, and what the site says of itself."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas.errors import UsageError

_SITE = ("title", "author", "base-url", "licence", "notes", "compare")
_PATHS = ("weights", "images", "model")  # may name files, from the configuration's folder


@dataclass(frozen=True)
class Config:
    """What a configuration says.

    ``site`` holds its title, author, base-url, licence, notes and compare, as far as they are
    given; ``atlases`` the options of the command for each of its atlases.
    """

    site: dict[str, Any] = field(default_factory=dict)
    atlases: list[list[str]] = field(default_factory=list)


def read_config(path: Path, options: set[str]) -> Config:
    """Read a configuration; ``options`` are those that an atlas may have, without their dashes.

    Raises ``UsageError`` for a file that isn't TOML, and for what it says that nobody knows.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from error
    _only(path, "the file", found, {"site", "atlas"})
    site = {key.replace("_", "-"): value for key, value in found.get("site", {}).items()}
    _only(path, "[site]", site, set(_SITE))
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
    atlases = [_arguments(path, table, options) for table in found.get("atlas", [])]
    return Config(site, atlases)


def _arguments(path: Path, table: dict[str, Any], options: set[str]) -> list[str]:
    given = {key.replace("_", "-"): value for key, value in table.items()}
    _only(path, f"[[atlas]] {given.get('name', '')}".strip(), given, options)
    arguments = []
    for key, value in given.items():
        if isinstance(value, bool):
            arguments.append(f"--{key}" if value else f"--no-{key}")
            continue
        for one in value if isinstance(value, list) and key == "layers" else [value]:
            text = ",".join(map(str, one)) if isinstance(one, list) else str(one)
            beside = path.parent / text.partition(":")[0]
            if key in _PATHS and ("/" in text or "." in text) and beside.exists():
                text = str(path.parent / text)
            arguments.append(f"--{key}={text}")
    return arguments


def _only(path: Path, where: str, found: dict[str, Any], known: set[str]) -> None:
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(key, known, 3, 0.4) or sorted(known)
            raise UsageError(f"{path}: {where} has no {key!r}; nearest: {', '.join(near)}")
