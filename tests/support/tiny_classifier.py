"""A network of few numbers that scores the demo's classes, and experiments made with it."""

from __future__ import annotations

import copy
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import atlas
from atlas.compute.engine import compute
from atlas.compute.run import Run
from atlas.compute.stage import Stage
from atlas.compute.stages import scan
from atlas.data.settings import Settings
from atlas.demo.scenes import CLASSES
from atlas.images.masks import DemoMasks
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import DemoImages
from atlas.networks.network import wrap
from atlas.runtime.ranks import ALONE, Ranks

SEES = Preprocessing(24, (24, 20), (0.4, 0.5, 0.6), (0.25, 0.3, 0.2))  # not a square


def tiny(scores: bool = True) -> atlas.Network:
    """Two convolutions and perhaps scores of the demo's classes, with random weights."""
    torch.manual_seed(3)
    body: list[tuple[str, nn.Module]] = [
        ("one", nn.Conv2d(3, 6, 3, stride=2)),
        ("relu1", nn.ReLU()),
        ("two", nn.Conv2d(6, 8, 3, padding=1)),
        ("relu2", nn.ReLU()),
    ]
    head: list[tuple[str, nn.Module]] = [
        ("average", nn.AdaptiveAvgPool2d(1)),
        ("flatten", nn.Flatten()),
        ("scores", nn.Linear(8, len(CLASSES))),
    ]
    module = nn.Sequential(OrderedDict(body + head if scores else body)).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(4)  # so that what an image shows has a say
    return wrap(module, SEES, "tiny")


def outcome(
    network: atlas.Network,
    stage: Stage,
    folder: Path,
    *,
    count: int = 48,
    masks: bool = True,
    ranks: Ranks = ALONE,
    **settings: object,
) -> Path:
    """What an experiment's stage makes of the first pictures of the demo: the atlas's folder."""
    images = DemoImages(count)
    chosen = Settings(workers=0, evidence="none", **settings)  # type: ignore[arg-type]
    parts = folder / "atlas", folder / "scratch"
    for part in parts:
        part.mkdir(parents=True, exist_ok=True)
    known = DemoMasks(images) if masks else None
    run = Run.begin(
        network, images, chosen, folder=parts[0], scratch=parts[1], masks=known, ranks=ranks
    )
    compute(run, [scan.STAGE, stage])
    return parts[0]


def values(network: atlas.Network, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Every module's output for one picture ``[H, W, C]`` uint8, by its name: plain and float64."""
    inputs = (pixels.astype(np.float64) / 255 - SEES.mean) / SEES.std
    value: Tensor = torch.from_numpy(inputs.transpose(2, 0, 1)[None].copy())
    found = {}
    with torch.no_grad():
        for name, module in copy.deepcopy(network.module).double().named_children():
            value = module(value)
            found[name] = value[0].numpy()
    return found
