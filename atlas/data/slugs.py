"""Names of files for names of any kind: safe on every file system, and different for each name."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection

PLAIN = re.compile(r"[a-z0-9_]+(?: [a-z0-9_]+)*")
LONGEST, DIGITS = 60, 12
# what Windows keeps for devices, and what pages of their own are called
RESERVED = {"index", "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt")
            for n in range(10))}  # fmt: skip

FOLDER = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
LONGEST_FOLDER = 120
OWN_FOLDERS = {"experiments", "images", "live", "search"}  # of an atlas, beside those of its layers

OWN_SUFFIXES = (".html", ".inv", ".js", ".json", ".txt")


def folder(name: str, taken: Collection[str] = ()) -> str:
    """The name of a folder for a name that may hold anything: itself where it can be.

    It can where it has letters, digits, dots, hyphens and underscores of ASCII alone, neither
    begins nor ends in a dot, is no longer than some, is no name that a system or an atlas keeps for
    itself, and doesn't differ in upper and lower case alone from one of those ``taken``.
    """
    low = name.casefold()
    is_plain = FOLDER.fullmatch(name) is not None and len(name) <= LONGEST_FOLDER
    kept = low.split(".")[0] in RESERVED - {"index"} or low in OWN_FOLDERS
    kept = kept or low.endswith(OWN_SUFFIXES)
    if is_plain and not kept and (name in taken or low not in map(str.casefold, taken)):
        return name
    return _marked(name)


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
    return _marked(name)


def _marked(name: str) -> str:
    """What can be read of a name, and a part of its digest."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9_]+", "-", letters).strip("-")[:LONGEST].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{words or 'name'}--{digest}"
