"""Checkpoints: the weights of a network as they were on the way of its training, in order."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from atlas.data.escaping import escaped
from atlas.data.file_digests import digest_of_file
from atlas.errors import AtlasError, UsageError
from atlas.networks.graph import Graph, Tensors
from atlas.networks.network import Network
from atlas.networks.weights import fit, read

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".tar")


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints in a folder, in the order of training."""

    root: Path
    files: tuple[str, ...]

    def identity(self) -> dict[str, Any]:
        """A digest of each file by its name, and the names in order; in JSON types."""
        digests = {name: digest_of_file(self.root / name) for name in self.files}
        return {"order": list(self.files), **digests}


@dataclass(frozen=True)
class Moment:
    """A network at some moment of its training: the checkpoint's name, and the graph with its
    weights. The last moment of all is the network itself, and has no name."""

    name: str
    graph: Graph


def open_checkpoints(root: Path) -> Checkpoints:
    """The checkpoints in a folder. Raises ``UsageError`` if there are none."""
    if not root.is_dir():
        raise UsageError(f"--checkpoints {root}: there is no such folder")
    names = [
        path.name
        for path in root.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not names:
        raise UsageError(
            f"--checkpoints {root}: no weights in it (looked for {', '.join(SUFFIXES)})"
        )
    return Checkpoints(root, tuple(in_order(names)))


def in_order(names: Iterable[str]) -> list[str]:
    """Names sorted as people mean them: numbers in them count as numbers, 2 before 10."""

    def parts(name: str) -> list[tuple[int, int, str]]:
        texts = re.split(r"([0-9]+)", name)
        numbers = [text.lstrip("0") if text.isdecimal() else None for text in texts]
        return [
            (1, 0, text) if number is None else (0, len(number), number)
            for text, number in zip(texts, numbers, strict=True)
            if text
        ]

    return sorted(names, key=lambda name: (parts(name), name))


def moments(network: Network, checkpoints: Checkpoints) -> tuple[Moment, ...]:
    """The network at each checkpoint, and last as it is.

    A checkpoint with the network's own weights is left out. Raises ``AtlasError`` for one that
    can't be read, doesn't fit the network or lacks weights that it has.
    """
    found = []
    for file in checkpoints.files:
        graph = _graph_at(network, checkpoints.root / file)
        if graph is not None:
            found.append(Moment(escaped(Path(file).stem), graph))
    return (*found, Moment("", network.graph))


def _graph_at(network: Network, path: Path) -> Graph | None:
    """The network's graph with the weights of a checkpoint; None if these are its own."""
    module = copy.deepcopy(network.module)
    lacking = [
        name
        for name in fit(module, read(path), path=path, name=network.name)
        if name not in network.missing
    ]
    if lacking:
        raise AtlasError(f"{path} lacks the weights of {', '.join(lacking[:3])}")
    own, there = network.module.state_dict(), module.state_dict()
    if all(torch.equal(value, there[name]) for name, value in own.items()):
        return None
    tensors = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }

    def change(at: str, some: Tensors) -> Tensors:
        return {name: tensors[f"{at}.{name}" if at else name].detach() for name in some}

    return network.graph.changed(change)
