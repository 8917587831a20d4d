"""Train the demo network on pictures of the demo world: ``python -m atlas.demo.train``.

Writes the weights and, beside them, a record of the command, the seed and the accuracy on
pictures with fresh seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from atlas.demo.network import MEAN, STD, WEIGHTS, demo_network
from atlas.demo.scenes import CLASSES
from atlas.demo.world import SIDE, TEST_SEED, TRAINING_SEED, draw

RADIUS = 0.1  # largest RMS of a convolutional filter (Zeiler & Fergus 2013, section 3.1)
BATCH = 64


@dataclass(frozen=True)
class Recipe:
    """What makes a training run: equal recipes on one machine make equal weights.

    The first layer learns faster and decays far more strongly than the rest, on inputs with a
    little noise (in units of the input): the random numbers that its filters start from fade, and
    what is left to see in them is what the pictures taught.
    """

    images: int = 9_600
    epochs: int = 8
    seed: int = 0
    rate: float = 2e-3
    decay: float = 0.05
    first_rate: float = 6e-3
    first_decay: float = 3.0
    noise: float = 0.2


def pictures(seed: int, count: int, first: int = 0) -> tuple[Tensor, Tensor]:
    """Pictures and classes of the world ``seed``: ``[N, 3, 128, 128]`` uint8 and ``[N]`` int64."""
    chunk = 240
    starts = range(first, first + count, chunk)
    tasks = [(seed, start, min(chunk, first + count - start)) for start in starts]
    pixels = np.empty((count, SIDE, SIDE, 3), np.uint8)
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        drawn = tqdm(pool.map(_draw_some, tasks), "draw", len(tasks), disable=None)
        for (_, start, size), some in zip(tasks, drawn, strict=True):
            pixels[start - first : start - first + size] = some
    labels = torch.arange(first, first + count) % len(CLASSES)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), labels


def _draw_some(task: tuple[int, int, int]) -> np.ndarray:
    seed, start, count = task
    return np.stack([draw(seed, index).pixels for index in range(start, start + count)])


def _normalise(pixels: Tensor, device: torch.device) -> Tensor:
    mean = torch.tensor(MEAN, device=device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=device).view(1, 3, 1, 1)
    inputs = pixels.to(device).float().div_(255).sub_(mean).div_(std)
    return inputs.contiguous(memory_format=torch.channels_last)


def train(
    recipe: Recipe, pixels: Tensor, labels: Tensor, device: torch.device
) -> tuple[nn.Sequential, list[float]]:
    """Train a fresh network; returns it in evaluation mode, and the mean loss of each epoch."""
    torch.manual_seed(recipe.seed)
    model = demo_network().to(device).to(memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            assert module.bias is not None
            nn.init.constant_(module.bias, 0.05)
    first = model.get_submodule("conv1").weight
    rest = [parameter for parameter in model.parameters() if parameter is not first]
    groups = [
        {"params": [first], "lr": recipe.first_rate, "weight_decay": recipe.first_decay},
        {"params": rest, "lr": recipe.rate, "weight_decay": recipe.decay},
    ]
    optimiser = torch.optim.AdamW(groups)
    steps = recipe.epochs * (len(pixels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [recipe.first_rate, recipe.rate],
        total_steps=max(steps, 2),
        pct_start=0.15,
        cycle_momentum=False,
    )
    order = torch.Generator().manual_seed(recipe.seed)
    losses = []
    for epoch in range(recipe.epochs):
        model.train()
        total = 0.0
        batches = torch.randperm(len(pixels), generator=order).split(BATCH)
        batches = [batch for batch in batches if len(batch) == BATCH]
        bar = tqdm(batches, f"epoch {epoch + 1}/{recipe.epochs}", disable=None)
        for batch in bar:
            inputs = _normalise(pixels[batch], device)
            if torch.rand((), generator=order) < 0.5:
                inputs = inputs.flip(3)
            inputs = inputs + recipe.noise * torch.randn_like(inputs)
            scores = model(inputs)
            loss = F.cross_entropy(scores, labels[batch].to(device), label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            _renormalise(model)
            total += loss.item()
        losses.append(total / max(1, len(batches)))
        redrawn = _revive(model, pixels[:960], device) if epoch < recipe.epochs * 0.6 else 0
        print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}, {redrawn} dead units redrawn", flush=True)
    return model.eval(), losses


@torch.no_grad()
def _renormalise(model: nn.Module) -> None:
    """Scale down every convolutional filter whose RMS exceeds the radius."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            rms = module.weight.square().mean((1, 2, 3), keepdim=True).sqrt()
            module.weight.mul_((RADIUS / rms).clamp(max=1.0))


@torch.no_grad()
def _revive(model: nn.Sequential, pixels: Tensor, device: torch.device) -> int:
    """Draw again the filter of each unit that fires for none of these pictures; count them."""
    model.eval()
    strongest: dict[nn.Conv2d, Tensor] = {}
    for batch in pixels.split(BATCH):
        x = _normalise(batch, device)
        for module in model:
            x = module(x)
            if isinstance(module, nn.Conv2d):
                peaks = x.amax((0, 2, 3))
                strongest[module] = torch.maximum(strongest.get(module, peaks), peaks)
    dead = 0
    for module, peaks in strongest.items():
        silent = peaks <= 0
        dead += int(silent.sum())
        fresh = nn.init.kaiming_normal_(torch.empty_like(module.weight))
        module.weight[silent] = fresh[silent]
        if module.bias is not None:
            module.bias[silent] = 0.1
    return dead


@torch.inference_mode()
def accuracy(model: nn.Module, pixels: Tensor, labels: Tensor, device: torch.device) -> float:
    """The share of these pictures whose highest score is their class."""
    model.eval()
    right = 0
    for batch, truth in zip(pixels.split(BATCH), labels.split(BATCH), strict=True):
        right += int((model(_normalise(batch, device)).argmax(1).cpu() == truth).sum())
    return right / len(pixels)


def main() -> None:
    """Train, measure, save."""
    parser = argparse.ArgumentParser("python -m atlas.demo.train", description=__doc__)
    parser.add_argument("--images", type=int, default=Recipe.images)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    options = parser.parse_args()
    recipe = Recipe(options.images, options.epochs, options.seed)
    device = torch.device(options.device)
    started = time.time()
    model, losses = train(recipe, *pictures(TRAINING_SEED, recipe.images), device)
    score = accuracy(model, *pictures(TEST_SEED, 2_400), device)
    minutes = (time.time() - started) / 60
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(state, options.out)
    record = {
        "command": " ".join(["python -m atlas.demo.train", *sys.argv[1:]]),
        "seed": recipe.seed,
        "training images": recipe.images,
        "epochs": recipe.epochs,
        "final loss": round(losses[-1], 4),
        "accuracy on 2400 pictures of the test seed": round(score, 4),
        "minutes": round(minutes, 1),
        "device": f"{device.type}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
    }
    options.out.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    print(f"accuracy {score:.4f} after {minutes:.1f} minutes; weights in {options.out}")


if __name__ == "__main__":
    main()
