"""Files that a killed process can't leave half written."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, as a new file: one that was linked elsewhere stays."""
    beside = unfinished(path)
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)  # what there was no room for takes none
        raise


def unfinished(path: Path) -> Path:
    """Where ``write_whole`` writes before it renames."""
    return path.with_name(f".{path.name}.new")
