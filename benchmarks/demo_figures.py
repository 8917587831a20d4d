"""What the demo network has learned, in figures: ``python benchmarks/demo_figures.py``.

Prints accuracy on fresh pictures, the share of dead units, how far the top nine agree, layer by
layer, and what orientations and colours the first layer's filters have. Exits with 1 if a figure
misses what the project promises.
"""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import atlas
from atlas.compute.second_pass import winners
from atlas.data.geometry import Box
from atlas.demo.train import accuracy, pictures
from atlas.demo.world import ATLAS_SEED, draw
from atlas.images.sources import DemoImages
from atlas.scanning.topk import TopNine

IMAGES, FRESH_SEED, FRESH = 2_400, 4_321, 1_000
SHARE = 0.25  # a part is in a box if so much of it lies there, or fills so much of the box


def main() -> int:
    """Print every figure; returns 1 if one misses its mark."""
    network, images = atlas.load_network("demo"), DemoImages(IMAGES)
    right = accuracy(network.module, *pictures(FRESH_SEED, FRESH), torch.device("cpu"))
    found = atlas.scan(network, images, layers=["conv*"], workers=2)
    dead = sum(int((record.fired == 0).sum()) for record in found.records.values())
    units = sum(record.units for record in found.records.values())
    print(f"accuracy on {FRESH} pictures of seed {FRESH_SEED}: {right:.1%}")
    print(f"units that never fire: {dead} of {units} ({dead / units:.2%})")

    masks = _masks(winners(found.records))
    print("\nlayer   commonest class   or commonest part (mean share of the nine)")
    by_class, by_either = [], []
    for name, record in found.records.items():
        field = atlas.receptive_field(network, name)
        boxes = {
            (unit, rank): field.true_box(*(int(n) for n in record.position[unit, rank]))
            for unit in range(record.units)
            for rank in range(record.count(unit))
        }
        shares = [_agreement(record, unit, images, boxes, masks) for unit in range(record.units)]
        some = [share for share in shares if share is not None]
        by_class.append(float(np.mean([share[0] for share in some])))
        by_either.append(float(np.mean([share[1] for share in some])))
        print(f"{name:7} {by_class[-1]:.2f}              {by_either[-1]:.2f}")

    weight = network.module.get_submodule("conv1").weight.detach().double().numpy()
    kinds = Counter(_kind(filter_) for filter_ in weight)
    print(f"\nfilters of conv1: {', '.join(f'{n} {k}' for k, n in sorted(kinds.items()))}")
    marks = {
        "accuracy at least 97 %": right >= 0.97,
        "fewer than 2 % dead": dead / units < 0.02,
        "class share rises from conv1 to conv5": by_class == sorted(by_class),
        "conv5 at least 75 %": by_either[-1] >= 0.75,
        "both diagonals in conv1": kinds["edge at +45"] > 0 and kinds["edge at -45"] > 0,
        "at least three colour blobs in conv1": kinds["colour blob"] >= 3,
    }
    print()
    for mark, held in marks.items():
        print(f"{'holds ' if held else 'MISSED'} {mark}")
    return 0 if all(marks.values()) else 1


def _masks(indices: list[int]) -> dict[int, dict[str, np.ndarray]]:
    with ProcessPoolExecutor(None, get_context("spawn")) as pool:
        return dict(zip(indices, pool.map(_masks_of, indices, chunksize=20), strict=True))


def _masks_of(index: int) -> dict[str, np.ndarray]:
    return draw(ATLAS_SEED, index, masks=True).masks


def _parts(masks: dict[str, np.ndarray], box: Box) -> set[str]:
    """The parts that a box holds: a good share of the part, or of the box, is the other."""
    area = max(1, box.height * box.width)
    inside = {
        part: mask[box.top : box.bottom, box.left : box.right].sum() for part, mask in masks.items()
    }
    return {
        part
        for part, held in inside.items()
        if held >= SHARE * area or held >= SHARE * masks[part].sum()
    }


def _agreement(
    record: TopNine,
    unit: int,
    images: DemoImages,
    boxes: dict[tuple[int, int], Box],
    masks: dict[int, dict[str, np.ndarray]],
) -> tuple[float, float] | None:
    """Shares of a unit's tiles with its commonest class, and with that or its commonest part."""
    count = record.count(unit)
    if count == 0:
        return None
    chosen = [int(image) for image in record.image[unit, :count]]
    labels = [images.label(image) for image in chosen]
    parts = [_parts(masks[image], boxes[unit, rank]) for rank, image in enumerate(chosen)]
    label = Counter(labels).most_common(1)[0][0]
    held = Counter(part for some in parts for part in some).most_common(1)
    part = held[0][0] if held else None
    of_class = [name == label for name in labels]
    either = [a or part in some for a, some in zip(of_class, parts, strict=True)]
    return float(np.mean(of_class)), float(np.mean(either))


def _kind(filter_: np.ndarray) -> str:
    """What a filter ``[3, 7, 7]`` is, from its Fourier power alone.

    A *colour blob*: most of its power is chromatic (off the grey axis) and lies at spatial
    frequencies below one cycle per filter. An *edge*: most of its power along grey or its main
    colour, concentrated at one orientation (structure-tensor coherence over a half), named by the
    direction of the edge itself: +45 rises to the right.
    """
    grey = np.ones(3) / np.sqrt(3)
    brightness = np.einsum("c,chw->hw", grey, filter_)
    chroma = filter_ - grey[:, None, None] * brightness
    total = float((filter_**2).sum())
    smooth = float((chroma.mean((1, 2)) ** 2).sum()) * filter_[0].size
    if (chroma**2).sum() > 0.5 * total and smooth > 0.5 * float((chroma**2).sum()):
        return "colour blob"
    main = np.linalg.svd(filter_.reshape(3, -1), full_matrices=False)[2][0].reshape(7, 7)
    padded = np.zeros((32, 32))
    padded[:7, :7] = main - main.mean()
    power = np.abs(np.fft.fft2(padded)) ** 2
    rows, columns = np.meshgrid(np.fft.fftfreq(32), np.fft.fftfreq(32), indexing="ij")
    doubled = 2 * np.arctan2(rows, columns)
    mean = (power * np.exp(1j * doubled)).sum() / power.sum()
    if np.abs(mean) < 0.5:
        return "other"
    # the wave vector points across the edge; rows grow downwards
    across = np.degrees(np.angle(mean)) / 2
    along = -(across + 90)
    along = (along + 90) % 180 - 90
    for name, angle in (("edge at +45", 45), ("edge at -45", -45)):
        if abs(along - angle) <= 15:
            return name
    return "edge at another angle"


if __name__ == "__main__":
    sys.exit(main())
