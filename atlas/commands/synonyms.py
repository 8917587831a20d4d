"""The table ``[synonyms]`` of ``atlas.toml``: words, and the names that they find in the search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atlas.errors import UsageError


def read_synonyms(path: Path, table: Any) -> dict[str, tuple[str, ...]]:
    """The names that each word stands for: ``bike = "bicycle"``, or a list of names.

    Raises ``UsageError`` for what can't be meant; ``path`` is the configuration's.
    """
    if not isinstance(table, dict):
        raise UsageError(f"{path}: synonyms: a table [synonyms] is wanted")
    synonyms = {}
    for word, said in table.items():
        names = said if isinstance(said, list) else [said]
        if len(word.split()) != 1:
            raise UsageError(f"{path}: [synonyms] {word!r}: one word is wanted before the =")
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            raise UsageError(f"{path}: [synonyms] {word}: a name or a list of names is wanted")
        synonyms[word.lower()] = tuple(names)
    return synonyms
