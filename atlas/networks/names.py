"""What the names of models and weights mean, for those who don't load them: it needs no torch."""

from __future__ import annotations

from pathlib import Path


def file_of(name: str) -> Path | None:
    """The user's own file in a name of the form "FILE.py:FACTORY"; None for any other name."""
    file = name.rpartition(":")[0]
    return Path(file).expanduser() if file.endswith(".py") else None


def made_by(name: str) -> str | None:
    """The package whose code makes the model of a name; None for the demo's and a user's own."""
    if name == "demo" or file_of(name):
        return None
    return "timm" if name.startswith("timm:") else "torchvision"


def chosen_weights(name: str, weights: str | Path | None) -> str:
    """What weights are meant for a network of this name: a file's path, "default" or "none"."""
    return str(weights) if weights is not None else ("default" if name == "demo" else "none")
