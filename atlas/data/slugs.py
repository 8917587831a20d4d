"""Names of files for names of any kind: safe on every file system, and different for each name."""

from __future__ import annotations

import hashlib
import re
import unicodedata

PLAIN = re.compile(r"[a-z0-9_]+(?: [a-z0-9_]+)*")
LONGEST, DIGITS = 60, 12
# what Windows keeps for devices, and what pages of their own are called
RESERVED = {"index", "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt")
            for n in range(10))}  # fmt: skip


def slug(name: str) -> str:
    """The name of a file, without its ending, for a name that may hold anything.

    It has lower-case letters, digits, underscores and hyphens alone. Words of lower-case letters
    and digits with single spaces between them keep them, with hyphens for the spaces. In any other
    name what can be read is kept, and two hyphens and a part of its SHA-256 follow. So no two
    names share a file, not even where a file system takes upper case for lower case, or one form
    of a letter for another; and a name's file doesn't depend on what other names there are.
    """
    plain = name.replace(" ", "-")
    if PLAIN.fullmatch(name) and len(name) <= LONGEST and name not in RESERVED:
        return plain
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9_]+", "-", letters).strip("-")[:LONGEST].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{words or 'name'}--{digest}"
