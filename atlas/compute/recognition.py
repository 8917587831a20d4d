"""Recognising a finished atlas without loading its network, or torch, which takes seconds.

Where all that an atlas follows from is known by digests, one digest of them stands in
``atlas.json``. While it stays the same, so does everything that the stages would compute.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from atlas.data.file_digests import digest_of_file, digest_of_files, digest_of_sources
from atlas.data.settings import OPTIONS, Settings
from atlas.networks.names import chosen_weights, file_of, made_by

HOME = Path(__file__).resolve().parents[1]
LIBRARIES = ("torch", "torchvision", "numpy", "numba", "pillow", "scipy", "scikit-learn")
# the paths among the settings whose contents are known here
PATHS = {"model", "weights", "images", "masks"}


def origin_of(settings: Settings, *, images: str, masks: str | None, device: str) -> str | None:
    """A digest of all that decides an atlas: its settings, files, program, libraries and device.

    ``images`` and ``masks`` are the identities of these, and ``device`` is a type. None where that
    can't be told without loading the network: a user's file may import anything, and published
    weights lie in a library's cache, where others change them.
    """
    known = settings.shareable()
    weights = _weights(settings)
    others = any(
        one.may_be_path and one.name not in PATHS and getattr(settings, one.name) != one.default
        for one in OPTIONS
    )
    if file_of(settings.model) or weights is None or others:
        return None
    library = made_by(settings.model)
    parts = {
        "settings": {one.name: known.get(one.name) for one in OPTIONS if one.decides},
        "experiments": settings.experiments,
        "budget": settings.budget,  # what doesn't fit is left out
        "weights": weights,
        "images": images,
        "masks": masks,
        "device": device,
        "libraries": {name: _version(name) for name in LIBRARIES},
        "torch": _torch(),
        "library": _package(library) if library else None,
        "program": program_digest(),
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def program_digest(home: Path = HOME) -> str:
    """A digest of this program, its data files among it, but for what only shows an atlas."""
    return digest_of_files(
        home,
        (
            path
            for path in sorted(home.rglob("*"))
            if path.is_file()
            and "__pycache__" not in path.parts
            and path.relative_to(home).parts[0] != "site"
        ),
    )


def _weights(settings: Settings) -> str | None:
    """A text that tells the weights from any others; None where it can't be had."""
    chosen = chosen_weights(settings.model, settings.weights)
    if chosen == "none":
        return chosen
    if chosen == "default":
        return chosen if settings.model == "demo" else None  # those are part of the program
    path = Path(chosen).expanduser()
    return f"{path.name} {digest_of_file(path)}" if path.is_file() else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _torch() -> str | None:
    """A digest of what says which build of torch is installed."""
    spec = importlib.util.find_spec("torch")
    path = Path(spec.origin).with_name("version.py") if spec and spec.origin else None
    return digest_of_file(path) if path and path.is_file() else None


def _package(name: str) -> str | None:
    """A digest of a package's Python sources, which isn't imported for that."""
    spec = importlib.util.find_spec(name)
    if not spec or not spec.origin:
        return None
    return digest_of_sources(Path(spec.origin).parent)
