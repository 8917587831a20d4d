"""Train the demo network on pictures of the demo world: ``python -m atlas.demo.train``.

Writes the weights and, beside them, a record of the command, the seed and the accuracy on
pictures with fresh seeds. ``--checkpoints FOLDER`` keeps the network as it was on the way, in half
precision, with a record of the weights that it ended with. ``--permuted`` trains another on labels
that were permuted at random, until it knows them by heart (Zhang et al. 2016, arXiv 1611.03530).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from atlas.data.file_digests import digest_of_file
from atlas.demo.files import BY_HEART_WEIGHTS, WEIGHTS
from atlas.demo.network import MEAN, STD, demo_network
from atlas.demo.scenes import CLASSES
from atlas.demo.shipped import TESTED
from atlas.demo.world import SIDE, TEST_SEED, TRAINING_SEED, draw

RADIUS = 0.1  # largest RMS of a convolutional filter (Zeiler & Fergus 2013, section 3.1)
BATCH = 64
# shares of the training after which the network is kept: the paper's epochs 1, 5, 10, 20 and 40 of
# its 64 (figure 4)
KEPT_AFTER = (1 / 64, 5 / 64, 10 / 64, 20 / 64, 40 / 64)


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
    flips: bool = True
    smoothing: float = 0.05
    dropout: float = 0.2
    revives: bool = True  # whether units that never fire are drawn again

    @property
    def steps(self) -> int:
        """How many steps the training has."""
        return self.epochs * (self.images // BATCH)


# learns by heart: small steps, and nothing that would keep a network from it
BY_HEART = Recipe(
    images=1_200,
    epochs=80,
    rate=1e-3,
    decay=0.0,
    first_rate=1e-3,
    noise=0.0,
    flips=False,
    smoothing=0.0,
    dropout=0.0,
    revives=False,
)


def _nothing(step: int, model: nn.Module) -> None:
    pass


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
    recipe: Recipe,
    pixels: Tensor,
    labels: Tensor,
    device: torch.device,
    *,
    after_step: Callable[[int, nn.Module], None] = _nothing,
) -> tuple[nn.Sequential, list[float]]:
    """Train a fresh network; returns it in evaluation mode, and the mean loss of each epoch.

    ``after_step`` is given the number of steps done, and the network as it is then.
    """
    torch.manual_seed(recipe.seed)
    model = demo_network().to(device).to(memory_format=torch.channels_last)
    model.get_submodule("dropout").p = recipe.dropout  # type: ignore[assignment]
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
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [recipe.first_rate, recipe.rate],
        total_steps=max(recipe.steps, 2),
        pct_start=0.15,
        cycle_momentum=False,
    )
    order = torch.Generator().manual_seed(recipe.seed)
    losses: list[float] = []
    step = 0
    for epoch in range(recipe.epochs):
        model.train()
        total = 0.0
        batches = torch.randperm(len(pixels), generator=order).split(BATCH)
        batches = [batch for batch in batches if len(batch) == BATCH]
        bar = tqdm(batches, f"epoch {epoch + 1}/{recipe.epochs}", disable=None)
        for batch in bar:
            inputs = _normalise(pixels[batch], device)
            if recipe.flips and torch.rand((), generator=order) < 0.5:
                inputs = inputs.flip(3)
            if recipe.noise:
                inputs = inputs + recipe.noise * torch.randn_like(inputs)
            scores = model(inputs)
            truth = labels[batch].to(device)
            loss = F.cross_entropy(scores, truth, label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            _renormalise(model)
            total += loss.item()
            step += 1
            after_step(step, model)
        losses.append(total / max(1, len(batches)))
        early = recipe.revives and epoch < recipe.epochs * 0.6
        redrawn = _revive(model, pixels[:960], device) if early else 0
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


def keep(model: nn.Module, path: Path, *, half: bool = False) -> None:
    """Save a network's weights, in half precision if asked for."""
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    save_file({name: value.half() if half else value for name, value in state.items()}, path)


def kept_steps(recipe: Recipe) -> tuple[int, ...]:
    """The steps after which the network is kept on the way."""
    return tuple(dict.fromkeys(max(1, round(share * recipe.steps)) for share in KEPT_AFTER))


def main() -> None:
    """Train, measure, save."""
    parser = argparse.ArgumentParser("python -m atlas.demo.train", description=__doc__)
    parser.add_argument("--images", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="where the weights go")
    parser.add_argument("--checkpoints", type=Path, help="a folder for the network on the way")
    parser.add_argument("--permuted", action="store_true", help="permute the labels")
    options = parser.parse_args()
    recipe = replace(BY_HEART if options.permuted else Recipe(), seed=options.seed)
    for name in ("images", "epochs"):
        if getattr(options, name) is not None:
            recipe = replace(recipe, **{name: getattr(options, name)})
    out = options.out or (BY_HEART_WEIGHTS if options.permuted else WEIGHTS)
    device = torch.device(options.device)
    steps = kept_steps(recipe) if options.checkpoints else ()

    def keep_on_the_way(step: int, model: nn.Module) -> None:
        if step in steps:
            keep(model, options.checkpoints / f"step{step}.safetensors", half=True)

    if options.checkpoints:
        options.checkpoints.mkdir(parents=True, exist_ok=True)
    started = time.time()
    pixels, labels = pictures(TRAINING_SEED, recipe.images)
    if options.permuted:
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(recipe.seed))
        labels = labels[order]
    model, losses = train(recipe, pixels, labels, device, after_step=keep_on_the_way)
    minutes = (time.time() - started) / 60
    known = accuracy(model, pixels, labels, device)
    score = accuracy(model, *pictures(TEST_SEED, TESTED), device)
    keep(model, out, half=options.permuted)
    record = {
        "command": " ".join(["python -m atlas.demo.train", *sys.argv[1:]]),
        "seed": recipe.seed,
        "training images": recipe.images,
        "epochs": recipe.epochs,
        "final loss": round(losses[-1], 4),
        "accuracy on the training images, by the labels given": round(known, 4),
        f"accuracy on {TESTED} pictures of the test seed": round(score, 4),
        "minutes": round(minutes, 1),
        "device": f"{device.type}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
    }
    out.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    if options.checkpoints:
        on_the_way = {
            "command": record["command"],
            "steps": steps,
            "steps of the whole training": recipe.steps,
            "weights": digest_of_file(out),  # which the training ended with
        }
        path = options.checkpoints / "record.json"
        path.write_text(json.dumps(on_the_way, indent=2) + "\n")
    print(f"accuracy {score:.4f} after {minutes:.1f} minutes; weights in {out}")


if __name__ == "__main__":
    main()
