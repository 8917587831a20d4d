"""The ledger: the keys of the finished stages of a build, which it needs no torch to read.

It holds a digest of each stage's files as well, so that one that has changed since is found out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atlas.data.whole_files import write_whole
from atlas.runtime.checkpoint import holds_work

LEDGER = "ledger.json"


def read_ledger(folder: Path, scratch: Path) -> dict[str, Any]:
    """The keys of the finished stages: of a run that was stopped, or of the published atlas."""
    for path, part in ((scratch / LEDGER, None), (folder / "atlas.json", "stages")):
        try:
            said = json.loads(path.read_text("utf-8"))
            ledger = said if part is None else said.get(part, {})
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(ledger, dict):
            return {name: key for name, key in ledger.items() if _is_key(key)}
    return {}


def _is_key(key: Any) -> bool:
    """Whether this is what the ledger says of a stage, as far as one can tell."""
    files = key.get("files") if isinstance(key, dict) else None
    return isinstance(files, list) and all(isinstance(one, str) for one in files)


def write_ledger(scratch: Path, ledger: dict[str, Any]) -> None:
    """Keep it."""
    write_whole(scratch / LEDGER, json.dumps(ledger).encode())


def damaged(folder: Path, ledger: Mapping[str, Any]) -> list[str]:
    """The finished stages whose files in an atlas's folder are not as they were written."""
    return [
        name
        for name, key in ledger.items()
        if "output" in key and output_digest(folder, key["files"]) != key["output"]
    ]


def output_digest(folder: Path, patterns: Sequence[str]) -> str:
    """A digest of all that a stage wrote."""
    digest = hashlib.blake2b(digest_size=16)
    for path in owned_files(folder, patterns):
        content = hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + content)
    return digest.hexdigest()


def owned_files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """The files in an atlas's folder that match a stage's patterns, in order.

    A pattern may come from a file that was damaged, or is somebody else's: it leads nowhere else.
    """
    inside = [one for one in patterns if one and not one.startswith("/") and ".." not in one]
    return sorted({path for pattern in inside for path in folder.glob(pattern) if path.is_file()})


def begun(scratch: Path) -> bool:
    """Whether a stage left something worth keeping in the scratch folder of a run."""
    return any(holds_work(state) for state in scratch.glob("*/state.sqlite"))
