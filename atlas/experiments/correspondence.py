"""The same part hidden in several images: does it change their features alike?

Zeiler & Fergus 2013 (arXiv 1311.2901), section 4.3, table 1 and figure 8. For an image i with the
features ``x`` and, with a part hidden, ``y``, the change is ``x - y``. The distance of two images
is the share of entries in which their changes have other signs (a Hamming distance).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image, ImageFilter

from atlas.data.experiments.correspondence import View
from atlas.experiments.passes import values_of
from atlas.networks.layers import Layer
from atlas.networks.network import Network

MARGIN = 32  # a part's mask is grown by this part of the frame's shorter side


def margin(frame: tuple[int, int]) -> int:
    """By how many pixels masks are grown in a frame of this height and width."""
    return max(1, round(min(frame) / MARGIN))


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    """A mask ``[H, W]`` bool with all pixels that lie within a square around one of its own."""
    image = Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * by + 1))
    found: np.ndarray = np.asarray(image) > 0
    return found


def elsewhere(region: np.ndarray, *, draws: int, seed: int) -> list[np.ndarray]:
    """The same shape at random places of the frame ``[H, W]`` bool: none if it doesn't fit.

    Each lies inside the frame, and its box doesn't meet the region's own.
    """
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    shape = region[top : rows[-1] + 1, left : columns[-1] + 1]
    (height, width), frame = shape.shape, region.shape
    down, right = np.mgrid[: frame[0] - height + 1, : frame[1] - width + 1]
    free = (np.abs(down - top) >= height) | (np.abs(right - left) >= width)
    places = np.argwhere(free)
    if not len(places):
        return []
    dice = np.random.Generator(np.random.Philox(seed))
    found = []
    for at in places[dice.integers(len(places), size=draws)]:
        moved = np.zeros(frame, bool)
        moved[at[0] : at[0] + height, at[1] : at[1] + width] = shape
        found.append(moved)
    return found


def hidden(pixels: np.ndarray, region: np.ndarray, colour: Sequence[int]) -> np.ndarray:
    """A stimulus ``[H, W, C]`` uint8 with a region ``[H, W]`` in one colour."""
    changed = pixels.copy()
    changed[region] = colour
    return changed


def views_for(layers: Sequence[Layer]) -> tuple[View, ...]:
    """What is compared: the first, the middle and the last layer with places, and then the last
    two of the others, which see the whole image; of layers with places each map's sum, too."""
    placed = [layer for layer in layers if layer.shape[1:] != (1, 1)]
    after = [layer for layer in layers if layer.shape[1:] == (1, 1)]
    places = sorted({0, len(placed) // 2, len(placed) - 1}) if placed else []
    some = [placed[place] for place in places]
    return (
        *(View(layer.id, False) for layer in (*some, *after[-2:])),
        *(View(layer.id, True) for layer in some),
    )


def features(
    network: Network, pictures: np.ndarray, views: Sequence[View], *, slots: int
) -> list[np.ndarray]:
    """The features of pictures ``[N, H, W, C]`` in each view: ``[N, D]``.

    Picture i is in slot ``i % slots``: features of two versions of an image that have the same
    place among the pictures are rounded alike, so what is equal stays equal.
    """
    layers = {view.layer: network.layer(view.layer) for view in views}
    nodes = [layer.node for layer in layers.values()]
    parts: list[list[np.ndarray]] = [[] for _ in views]
    for values in values_of(network, pictures, nodes, slots=slots):
        maps = {name: layer.maps(values[layer.node]).numpy(force=True)
                for name, layer in layers.items()}  # fmt: skip
        for own, view in zip(parts, views, strict=True):
            found = maps[view.layer]
            own.append(
                found.sum((2, 3), dtype=np.float64) if view.added else found.reshape(len(found), -1)
            )
    return [np.concatenate(own) for own in parts]


def signs(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The signs of changes ``[N, D]``: 1, 0 where nothing changed, or -1, as int8."""
    return (before > after).astype(np.int8) - (before < after).astype(np.int8)


def mean_distances(changes: np.ndarray) -> np.ndarray:
    """For each of N changes ``[N, D]`` the mean distance to the others: ``[N]`` float64.

    The distance of two is the share of entries whose signs are others; 0 is a sign of its own.
    """
    count = len(changes)
    apart = np.zeros((count, count))
    for one in range(count):
        for other in range(one):
            share = np.count_nonzero(changes[one] != changes[other]) / changes.shape[1]
            apart[one, other] = apart[other, one] = share
    means: np.ndarray = apart.sum(1) / (count - 1)
    return means


def common(found: Sequence[Collection[str]], share: float) -> list[str]:
    """The concepts that at least this share of images have, in alphabetical order."""
    names = sorted({name for one in found for name in one})
    return [name for name in names
            if sum(name in one for one in found) >= share * len(found)]  # fmt: skip
