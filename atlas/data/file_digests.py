"""Digests of files as they lie on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest_of_file(path: Path) -> str:
    """The SHA-256 of a file. Raises ``OSError`` if it can't be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_files(home: Path, paths: Iterable[Path]) -> str:
    """A SHA-256 of some files below a folder, in order, with their names."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(home).as_posix()} {digest_of_file(path)}\n".encode())
    return digest.hexdigest()


def digest_of_sources(home: Path) -> str:
    """A SHA-256 of all Python sources below a folder, with their names."""
    return digest_of_files(home, sorted(home.rglob("*.py")))
