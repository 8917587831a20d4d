"""Finding an atlas finished without loading its network.

To load and trace a network takes seconds, and a finished atlas needs none of it. Where all that a
network is made from is known by digests, they stand in ``atlas.json``; while they stay the same, so
does what the network computes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from atlas.compute.keys import changes, key_of
from atlas.compute.source import sources_of
from atlas.compute.stage import Stage
from atlas.data.file_digests import digest_of_file, digest_of_sources
from atlas.data.settings import Settings
from atlas.demo.network import WEIGHTS as DEMO_WEIGHTS
from atlas.networks.batching import slots_of
from atlas.networks.identity import identity
from atlas.networks.network import chosen_weights, load_network
from atlas.networks.zoo import file_of, made_by


def network_origin(settings: Settings, device: str) -> str | None:
    """A digest of all that decides a network and its number of slots; ``device`` is a type.

    None where that can't be told without loading it: a user's file may import anything, and
    published weights lie in a library's cache, where others change them.
    """
    weights = _weights(settings)
    if file_of(settings.model) or weights is None:
        return None
    library = made_by(settings.model)
    parts = {
        "model": settings.model,
        "weights": weights,
        "seed": settings.seed,
        "preprocessing": settings.preprocessing_changes,
        "device": device,
        "batch_size": settings.batch_size,
        "torch": [torch.__version__, torch.version.git_version],
        "library": _package(library) if library else None,
        "source": [sources_of(function) for function in (load_network, identity, slots_of)],
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def is_finished(
    stages: Sequence[Stage],
    settings: Settings,
    *,
    ledger: Mapping[str, Any],
    inputs: Mapping[str, Any],
) -> bool:
    """Whether every stage's result is there, and nothing of a stage that there is no more.

    ``ledger`` holds the keys of the finished stages; ``inputs`` identify the network, images, masks
    and slots of a new run.
    """
    known = {name for stage in stages for name in stage.inputs} <= inputs.keys()
    if not known or ledger.keys() != {stage.name for stage in stages}:
        return False
    outputs = {name: key["output"] for name, key in ledger.items()}
    return not any(
        changes(ledger[stage.name], key_of(stage, settings, inputs=inputs, outputs=outputs))
        for stage in stages
    )


def last_inputs(ledger: Mapping[str, Any]) -> dict[str, Any]:
    """What identified the inputs of the run whose keys a ledger holds."""
    return {name: value for key in ledger.values() for name, value in key["inputs"].items()}


def _weights(settings: Settings) -> str | None:
    """What identifies the weights."""
    chosen = chosen_weights(settings.model, settings.weights)
    if chosen == "none":
        return chosen
    if chosen == "default":
        return digest_of_file(DEMO_WEIGHTS) if settings.model == "demo" else None
    path = Path(chosen).expanduser()
    return f"{path.name} {digest_of_file(path)}" if path.is_file() else None


def _package(name: str) -> str | None:
    """A digest of a package's Python sources, which isn't imported for that."""
    spec = importlib.util.find_spec(name)
    if not spec or not spec.origin:
        return None
    return digest_of_sources(Path(spec.origin).parent)
