"""What decided a stage's result, kept in parts, so that a build can say why a stage runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import __version__ as PILLOW

from atlas.compute.run import Run
from atlas.compute.source import sources_of
from atlas.compute.stage import Stage
from atlas.data.file_digests import digest_of_file
from atlas.data.settings import Settings
from atlas.demo.files import BY_HEART_WEIGHTS
from atlas.experiments import projection
from atlas.networks.identity import identity as network_identity
from atlas.runtime.compiled import NUMBA_VERSION

Key = dict[str, Any]  # in JSON's types

LIBRARIES = {
    "torch": torch.__version__,
    "numpy": np.__version__,
    "numba": NUMBA_VERSION,
    "pillow": PILLOW,
}


def key_of(
    stage: Stage, settings: Settings, *, inputs: Mapping[str, Any], outputs: Mapping[str, str]
) -> Key:
    """Everything that decides a stage's result.

    ``inputs`` identify what the run works with (``identities``); ``outputs`` are digests of the
    results of the stages before it.
    """
    known = settings.shareable()
    return {
        "settings": {name: known.get(name) for name in stage.settings},
        "kept": {name: settings.keeps(name) for name in stage.extras},
        "inputs": {name: inputs[name] for name in stage.inputs},
        "needs": {name: outputs[name] for name in stage.needs},
        "schema": {document.name: document.schema for document in stage.documents},
        "source": sources_of(stage.run),
        "libraries": LIBRARIES,
    }


def identities(run: Run, stages: Iterable[Stage]) -> dict[str, Any]:
    """What tells each input of the stages from any other, in JSON types."""
    identify: dict[str, Callable[[], Any]] = {
        "network": lambda: network_identity(run.network),
        "images": lambda: run.images.identity(),
        "masks": lambda: run.masks.identity() if run.masks else None,
        "slots": lambda: run.slots,
        "checkpoints": lambda: run.checkpoints.identity() if run.checkpoints else None,
        "hierarchy": lambda: _digest(run.settings.hierarchy),
    }
    wanted = sorted({name for stage in stages for name in stage.inputs})
    around = surroundings() if set(wanted) - identify.keys() else {}
    return {name: identify[name]() if name in identify else around[name] for name in wanted}


def _digest(path: Path | None) -> str | None:
    return digest_of_file(path.expanduser()) if path else None


def surroundings() -> dict[str, Any]:
    """What tells the inputs that no run brings from any other: what the program finds around it.

    ``projection`` is how things are placed on maps, which depends on what is installed;
    ``by-heart`` are the weights of the demo network that learnt permuted labels.
    """
    known = BY_HEART_WEIGHTS.is_file()
    return {
        "projection": projection.method(),
        "by-heart": digest_of_file(BY_HEART_WEIGHTS) if known else None,
    }


def changes(old: Key | None, new: Key) -> list[str]:
    """Why a stage must run, in a few words each; nothing if its result is there already."""
    if old is None:
        return ["it was never computed"]
    return list(dict.fromkeys(_changes(old, new)))


def _changes(old: Key, new: Key) -> Iterator[str]:
    for name, value in new["settings"].items():
        before = old.get("settings", {}).get(name)
        if name not in old.get("settings", {}) or before != value:
            yield f"{name.replace('_', '-')} was {_said(before)} and is {_said(value)}"
    for name, value in new["kept"].items():
        if old.get("kept", {}).get(name) != value:
            yield f"{'with' if value else 'without'} {name} now"
    for name, value in new["inputs"].items():
        yield from _changes_of_input(name, old.get("inputs", {}).get(name), value)
    for name, value in new["needs"].items():
        if old.get("needs", {}).get(name) != value:
            yield f"the result of {name} changed"
    if old.get("schema") != new["schema"]:
        yield "the form of its data changed"
    before, now = old.get("source", {}), new["source"]
    changed = sorted(
        name for name in before.keys() | now.keys() if before.get(name) != now.get(name)
    )
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        yield f"the source of {', '.join(changed[:3])}{more} changed"
    for name, version in new["libraries"].items():
        was = old.get("libraries", {}).get(name)
        if was != version:
            yield f"{name} was {was} and is {version}"


def _changes_of_input(name: str, before: Any, now: Any) -> Iterator[str]:
    if before == now:
        return
    if isinstance(now, dict) and isinstance(before, dict):
        parts = [part for part in now if before.get(part) != now[part]]
        yield f"the {name} changed ({', '.join(parts)})"
    elif name == "slots":
        yield f"the network ran on {before} images at once and now on {now}"
    else:
        yield f"the {name} changed"


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "not given"
    return "not given" if value is None else str(value)
