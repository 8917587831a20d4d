"""A tiny network and images of three classes, for experiments, and ranks that are threads."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import nn

from atlas.compute.engine import compute
from atlas.compute.run import Run
from atlas.compute.stage import Stage
from atlas.data.settings import Settings
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import Network, wrap
from atlas.runtime.ranks import ALONE, Ranks

T = TypeVar("T")
SIDE = 16
LABELS = ("ant", "bee", "cow")


class Photographs:
    """Random pictures of ``SIDE`` pixels with smooth patches; every third is of one class."""

    def __init__(self, count: int = 12) -> None:
        dice = np.random.default_rng(7)
        coarse = dice.integers(0, 256, (count, 4, 4, 3), np.uint8)
        self.pixels = coarse.repeat(SIDE // 4, 1).repeat(SIDE // 4, 2)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index])

    def describe(self, count: int) -> str:
        return f"{count} pictures"

    def name(self, index: int) -> str:
        return f"{self.label(index)}/{index}.png"

    def label(self, index: int) -> str:
        return LABELS[index % len(LABELS)]

    def identity(self) -> str:
        return f"photographs {len(self)}"


@functools.cache
def tiny(*, scores: bool = True, double: bool = False) -> Network:
    """Two layers and, unless not wanted, scores of three classes; tests share it."""
    dice = torch.Generator().manual_seed(3)
    parts: list[nn.Module] = [
        nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU(),
    ]  # fmt: skip
    if scores:
        parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, len(LABELS))]
    model = nn.Sequential(*parts).eval()
    for parameter in model.parameters():
        strength = 1.5 / max(1, parameter[0].numel()) ** 0.5
        parameter.data = torch.randn(parameter.shape, generator=dice) * strength
    seen = Preprocessing(None, (SIDE, SIDE), (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
    if scores:  # about as high for each class, so that the images are given several
        inputs = seen.inputs(Photographs().pixels, torch.device("cpu"), torch.float32)
        with torch.no_grad():
            model[-1].bias.data = -model[:-1](inputs).mean(0) @ model[-1].weight.T
    return wrap(model.double() if double else model, seen)


@dataclass
class _Meeting:
    """Where threads exchange what they have."""

    count: int
    barrier: threading.Barrier
    values: dict[int, object] = field(default_factory=dict)

    def exchange(self, rank: int, value: object) -> list[object]:
        self.values[rank] = value
        self.barrier.wait(60)
        every = [self.values[other] for other in range(self.count)]
        self.barrier.wait(60)
        return every


@dataclass(frozen=True)
class Pretended(Ranks):
    """A rank that is a thread of this process."""

    meeting: _Meeting | None = None

    def gather(self, value: T) -> list[T]:
        assert self.meeting
        every: list[T] = self.meeting.exchange(self.rank, value)  # type: ignore[assignment]
        return every if self.leads else []

    def share(self, value: T) -> T:
        assert self.meeting
        first: T = self.meeting.exchange(self.rank, value)[0]  # type: ignore[assignment]
        return first


def as_ranks(count: int, work: Callable[[Ranks], T]) -> list[T]:
    """What each of so many ranks makes."""
    meeting = _Meeting(count, threading.Barrier(count))
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def one(rank: int) -> None:
        try:
            results[rank] = work(Pretended(rank, count, meeting))
        except BaseException as error:
            errors.append(error)
            meeting.barrier.abort()

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[rank] for rank in range(count)]


def experimented(
    folder: Path,
    stages: Sequence[Stage],
    *,
    network: Network | None = None,
    settings: Settings | None = None,
    ranks: Ranks | None = None,
) -> list[str]:
    """Compute stages into ``folder / "atlas"``; returns those that ran."""
    parts = folder / "atlas", folder / "scratch"
    for part in parts:
        part.mkdir(parents=True, exist_ok=True)
    run = Run.begin(
        network or tiny(), Photographs(), settings or Settings(workers=0),
        folder=parts[0], scratch=parts[1], ranks=ranks or ALONE,
    )  # fmt: skip
    return compute(run, stages, report=lambda _: None)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
