"""A grey square slid over an image: what becomes of one map, and of the network's answer.

Zeiler & Fergus 2013 (arXiv 1311.2901), section 4.2 and figure 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from atlas.data.experiments.occlusion import Square
from atlas.data.records import Pair
from atlas.experiments.hiding import grey
from atlas.experiments.passes import values_of
from atlas.experiments.subjects import Classes
from atlas.images.preprocessing import Preprocessing
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.runtime.progress import Progress, silent

TOGETHER = 8  # batches of pictures that are held at once
PLACES = 24  # along the longer side of the input, at most
SHARE = 5  # the square's side is this part of the input's shorter side, unless it is given


@dataclass(frozen=True)
class Responses:
    """What a network makes of an image and of N others that hide a part of it.

    ``unit`` has the layer's strongest activation for the image itself, ``activation``, first at
    ``position`` (row, column), unless another unit was asked for. ``sums`` ``[1 + N]`` float64 are
    the sums of its maps, and ``probabilities`` ``[1 + N, K]`` float64 those of K classes; the first
    are those of the image. They are None where the network has no scores.
    """

    unit: int
    position: Pair
    activation: float
    sums: np.ndarray
    probabilities: np.ndarray | None


def square_for(preprocessing: Preprocessing, side: int | None = None) -> Square:
    """The square of this side for an input frame, and its places.

    Without a side a fifth of the input's. Its colour is the mean that the preprocessing subtracts.
    """
    height, width = preprocessing.crop
    stride = -(-max(height, width) // PLACES)
    chosen = side or max(1, round(min(height, width) / SHARE))
    return Square(chosen, stride, (height, width), grey(preprocessing))


def layer_for(layers: Sequence[Layer]) -> Layer | None:
    """The last layer whose maps have more than one place; None if none has."""
    return next((one for one in reversed(layers) if one.shape[1:] != (1, 1)), None)


def covered(pixels: np.ndarray, square: Square, places: Sequence[Pair]) -> np.ndarray:
    """A stimulus ``[H, W, C]`` uint8 with the square at each place: ``[N, H, W, C]``."""
    pictures = np.repeat(pixels[None], len(places), 0)
    for picture, place in zip(pictures, places, strict=True):
        top, left, bottom, right = square.box(*place)
        picture[top:bottom, left:right] = square.colour
    return pictures


def places_of(square: Square) -> list[Pair]:
    """All places of the square, row by row."""
    rows, columns = square.places
    return [(row, column) for row in range(rows) for column in range(columns)]


def responses(
    network: Network,
    pixels: np.ndarray,
    pictures: np.ndarray,
    *,
    layer: Layer,
    classes: Classes | None,
    slots: int,
    unit: int | None = None,
) -> Responses:
    """What a network makes of a stimulus ``[H, W, C]`` and of ``pictures`` ``[N, H, W, C]``.

    The stimulus is in the first slot and picture i in slot ``(i + 1) % slots``, so a picture's
    responses don't depend on those after it.
    """
    all_of_them = np.concatenate([pixels[None], pictures])
    nodes = [layer.node, *([classes.node] if classes else [])]
    sums, probabilities = [], []
    position, activation = (0, 0), 0.0
    for number, values in enumerate(values_of(network, all_of_them, nodes, slots=slots)):
        maps = layer.maps(values[layer.node]).numpy(force=True)  # [n, U, h, w]
        if not number:
            if unit is None:
                unit = int(maps[0].max((1, 2)).argmax())
            row, column = np.unravel_index(maps[0, unit].argmax(), maps.shape[2:])
            position, activation = (int(row), int(column)), float(maps[0, unit, row, column])
        sums.append(maps[:, unit].sum((1, 2), dtype=np.float64))
        if classes:
            scores = values[classes.node].cpu()
            probabilities.append(classes.probabilities(scores).numpy(force=True))
    assert unit is not None
    return Responses(
        unit,
        position,
        activation,
        np.concatenate(sums),
        np.concatenate(probabilities) if classes else None,
    )


def all_responses(
    network: Network,
    pixels: np.ndarray,
    square: Square,
    *,
    layer: Layer,
    classes: Classes | None,
    slots: int,
    unit: int | None = None,
    progress: Progress = silent,
) -> Responses:
    """The responses to a stimulus ``[H, W, C]`` with the square at all places, row by row."""
    places, step = places_of(square), TOGETHER * slots - 1
    starts = range(0, len(places), step)
    parts = []
    for first in progress(starts, len(starts), "occluding"):
        pictures = covered(pixels, square, places[first : first + step])
        parts.append(
            responses(
                network, pixels, pictures, layer=layer, classes=classes, slots=slots, unit=unit
            )
        )
    chances = [part.probabilities for part in parts if part.probabilities is not None]
    return replace(
        parts[0],
        sums=np.concatenate([parts[0].sums[:1], *(part.sums[1:] for part in parts)]),
        probabilities=np.concatenate([chances[0][:1], *(some[1:] for some in chances)])
        if chances
        else None,
    )


def energy_covered(reconstruction: np.ndarray, square: Square) -> np.ndarray:
    """The share of the energy of ``[C, H, W]`` that the square covers at each place, float64."""
    energy = np.square(reconstruction.astype(np.float64)).sum(0)
    total = energy.sum() or 1.0
    found = np.empty(square.places)
    for row, column in places_of(square):
        top, left, bottom, right = square.box(row, column)
        found[row, column] = energy[top:bottom, left:right].sum() / total
    return found


def lies_inside(where: np.ndarray, square: Square) -> np.ndarray:
    """Whether the square's middle lies in a mask ``[H, W]`` at each place: bool."""
    inside = np.empty(square.places, bool)
    for place in places_of(square):
        inside[place] = where[square.centre(*place)]
    return inside
