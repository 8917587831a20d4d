"""The ledger: the keys of the finished stages of a build, which it needs no torch to read."""

from __future__ import annotations

import json
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
            return ledger
    return {}


def write_ledger(scratch: Path, ledger: dict[str, Any]) -> None:
    """Keep it."""
    write_whole(scratch / LEDGER, json.dumps(ledger).encode())


def begun(scratch: Path) -> bool:
    """Whether a stage left something worth keeping in the scratch folder of a run."""
    return any(holds_work(state) for state in scratch.glob("*/state.sqlite"))
