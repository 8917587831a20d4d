"""Ascent against Lucent (``pip install torch-lucent``), on the demo network.

For a few units of each layer: CPU seconds a unit takes, and the largest value over positions
before the rectification that the picture reaches, as each method leaves it. Lucent makes one
picture at a time, as large as the network's input; its usual is 512 steps. Both run on one thread.

The atlas draws its pictures back to the mean image at each step, which Lucent doesn't: "free" is
the same ascent without that and with larger steps, for comparing times at the same value reached.
Lucent 0.1.8 turns pictures by functions that kornia had under other names before 0.6.

Usage: python benchmarks/ascent.py [--units N] [--steps N ...] [--layers NAME ...]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from atlas.demo.scenes import CLASSES
from atlas.drawing.made import placed
from atlas.experiments.passes import values_of
from atlas.experiments.wants import ascent
from atlas.experiments.wants.colours import measured
from atlas.experiments.wants.frames import before, frame_of
from atlas.experiments.wants.painting import Waves
from atlas.images.sources import DemoImages
from atlas.images.stimuli import stimuli
from atlas.networks.layers import Layer
from atlas.networks.network import Network, load_network


class Free(Waves):
    """Waves that nothing draws back to the mean image."""

    DECAY = 0.0


def by_atlas(
    network: Network, layer: Layer, units: list[int], *, free: bool = False
) -> tuple[float, np.ndarray]:
    """CPU seconds a unit, and the values reached, of a whole batch."""
    frame = frame_of(network, layer)
    paint = Free(COLOURS, frame.size, step=4.0) if free else Waves(COLOURS, frame.size)
    begin = time.process_time()
    pictures = frame.cut(ascent.ascended(network, layer, units, paint, frame=frame))
    taken = time.process_time() - begin
    seen = network.preprocessing
    whole = [placed(one, frame.box.as_tuple(), seen.crop, seen.mean) for one in pictures]
    return taken / len(units), reached(network, layer, np.stack(whole), units)


def by_lucent(
    network: Network, layer: Layer, units: list[int], steps: int
) -> tuple[float, np.ndarray]:
    """The same, one unit after another, as Lucent's notebooks do it."""
    from lucent.optvis import objectives, param, render, transform

    mean = torch.tensor(network.preprocessing.mean)[:, None, None]
    std = torch.tensor(network.preprocessing.std)[:, None, None]
    side = network.preprocessing.crop[0]
    pictures = []
    begin = time.process_time()
    for unit in units:
        torch.manual_seed(unit)
        (shown,) = render.render_vis(
            network.module,
            objectives.channel(layer.id, unit)
            if layer.shape[1:] == (1, 1)
            else objectives.neuron(layer.id, unit),
            lambda: param.image(side, fft=True, decorrelate=True),
            transforms=[*transform.standard_transforms, lambda image: (image - mean) / std],
            thresholds=(steps,),
            preprocess=False,
            progress=False,
            show_image=False,
            fixed_image_size=side,
        )
        pictures.append(np.round(255 * shown[0]).astype(np.uint8))
    taken = time.process_time() - begin
    return taken / len(units), reached(network, layer, np.stack(pictures), units)


def reached(network: Network, layer: Layer, whole: np.ndarray, units: list[int]) -> np.ndarray:
    """The largest value over positions of one unit for each whole frame.

    Lucent moves its pictures so far that the middle of what it returns isn't where it ascended.
    """
    node = before(network, layer)
    (values,) = values_of(network, whole, [node], slots=ascent.SLOTS)
    maps = layer.maps(values[node])[range(len(units)), units]
    return maps.flatten(1).amax(1).numpy(force=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--units", type=int, default=2, help="of Lucent, for each layer")
    arguments.add_argument("--steps", type=int, nargs="*", default=[ascent.STEPS, 512])
    arguments.add_argument("--layers", nargs="*", help="of the demo network (default: all)")
    asked = arguments.parse_args()
    torch.set_num_threads(1)
    network = load_network("demo")
    images = DemoImages(len(CLASSES) * 6)
    source = stimuli(images, network.preprocessing, range(len(images)))
    COLOURS = measured(np.stack([one.pixels for one in source]))
    for layer in network.choose(asked.layers):
        units = list(range(ascent.SLOTS))
        own, values = by_atlas(network, layer, units)
        print(
            f"{layer.id}: {own:.3f} s a unit, reaches {values[: asked.units].round(1)}", flush=True
        )
        unheld, values = by_atlas(network, layer, units, free=True)
        print(
            f"  free: {unheld:.3f} s a unit, reaches {values[: asked.units].round(1)}", flush=True
        )
        for steps in asked.steps:
            other, theirs = by_lucent(network, layer, units[: asked.units], steps)
            print(
                f"  Lucent, {steps} steps: {other:.2f} s a unit, {other / own:.0f} times as long "
                f"({other / unheld:.0f} times the free), reaches {theirs.round(1)}",
                flush=True,
            )
