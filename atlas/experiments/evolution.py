"""How units come to be during training: their strongest images and reconstructions on the way.

Zeiler & Fergus (2013, section 4 and figure 4) show, for some units at several epochs, the strongest
activation over all images, projected down to pixels, and see lower layers settle within a few
epochs and upper ones only after many. The same is measured here for every unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from atlas.data.experiments.evolution import LayerEvolution, UnitEvolution
from atlas.data.records import Pair
from atlas.data.rounding import significant
from atlas.images.stimuli import Stimulus
from atlas.networks.batching import Batch
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction.deconvnet import one_hot_signal, project_back
from atlas.reconstruction.recording import record
from atlas.reconstruction.windows import Window
from atlas.scanning.forward import peaks_of, prepared

GOLDEN = (5**0.5 - 1) / 2
DESCENTS = 64  # signals that go down at once
NONE = -1  # the image of a unit that none excites


@dataclass(frozen=True)
class Maxima:
    """The maxima over positions of a layer's U units on N images: ``value`` ``[N, U]`` float32.

    ``place`` ``[N, U]`` counts positions in row-major order; ``images`` ``[N]`` are their indices.
    """

    value: np.ndarray
    place: np.ndarray
    images: np.ndarray


@dataclass(frozen=True)
class Peak:
    """What excites each of U units most: ``value`` float32, ``image`` and ``place`` int64, ``[U]``.

    The image is ``NONE`` where no activation is above 0.
    """

    value: np.ndarray
    image: np.ndarray
    place: np.ndarray


def spread(items: Sequence[int], count: int) -> list[int]:
    """``count`` of some items, spread evenly, in order; all where there are fewer.

    Of ``count`` equal stretches each gives one, whose place in its stretch moves on by the golden
    ratio: so all kinds are chosen alike, where items are sorted by kind as where kinds take turns.
    """
    if len(items) <= count:
        return list(items)
    stretch = len(items) / count
    return [items[int((number + number * GOLDEN % 1) * stretch)] for number in range(count)]


def maxima(
    network: Network,
    graph: Graph,
    layers: Sequence[Layer],
    stimuli: Sequence[Stimulus],
    *,
    slots: int,
) -> dict[str, Maxima]:
    """The maxima of some layers' units on each stimulus, with the weights of ``graph``.

    They may depend on the stimuli's order in the last bit, as rounding does on a stimulus's slot.
    """
    forward = prepared(graph, [layer.node for layer in layers], slots)
    values: dict[str, list[np.ndarray]] = {layer.id: [] for layer in layers}
    places: dict[str, list[np.ndarray]] = {layer.id: [] for layer in layers}
    images: list[np.ndarray] = []
    for batch in _batches(stimuli, slots):
        images.append(batch.indices)
        for node, maps, taken in forward.run(batch.inputs(network)):
            for layer in layers:
                if layer.node is node:
                    whole = taken and layer.dims == (1, 2, 3)
                    peaks = taken if taken and whole else peaks_of(layer.maps(maps))
                    values[layer.id].append(peaks.value.float().cpu().numpy()[batch.slots])
                    places[layer.id].append(peaks.place.cpu().numpy()[batch.slots].astype(np.int64))
    every = np.concatenate(images)
    return {
        name: Maxima(np.concatenate(values[name]), np.concatenate(places[name]), every)
        for name in values
    }


def _batches(stimuli: Sequence[Stimulus], slots: int) -> Iterator[Batch]:
    """All stimuli in order, in full batches but for the last."""
    for first in range(0, len(stimuli), slots):
        some = list(stimuli[first : first + slots])
        yield Batch(some, list(range(len(some))), slots)


def peak(of: Maxima) -> Peak:
    """The strongest image of each unit; the lowest index on a tie."""
    order = np.argsort(of.images)
    row = order[of.value[order].argmax(0)]
    units = np.arange(of.value.shape[1])
    value = of.value[row, units]
    image = np.where(value > 0, of.images[row], NONE)
    return Peak(np.maximum(value, 0), image, of.place[row, units])


def merged(one: Peak, other: Peak) -> Peak:
    """The strongest of two sets of images that have none in common."""
    later = (other.value > one.value) | (
        (other.value == one.value) & (other.image != NONE) & (other.image < one.image)
    )
    return Peak(
        np.where(later, other.value, one.value),
        np.where(later, other.image, one.image),
        np.where(later, other.place, one.place),
    )


def sums(one: Maxima, last: Maxima) -> np.ndarray:
    """What a correlation of each unit's maxima needs, ``[6, U]`` float64, to be added up.

    The number of images, the sums of both, of their squares and of their product.
    """
    a, b = one.value.astype(np.float64), last.value.astype(np.float64)
    return np.stack(
        [np.full(a.shape[1], len(a)), *(part.sum(0) for part in (a, b, a * a, b * b, a * b))]
    )


def correlation(of: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each unit by its ``sums``: ``[U]``, 0 where one doesn't vary."""
    count, a, b, aa, bb, ab = of
    spread_a, spread_b = count * aa - a * a, count * bb - b * b
    # sums of equal numbers leave a rest of rounding
    varies = (spread_a > 1e-12 * count * aa) & (spread_b > 1e-12 * count * bb)
    scale = np.sqrt(np.where(varies, spread_a * spread_b, 1.0))
    return np.where(varies, np.clip((count * ab - a * b) / scale, -1, 1), 0.0)


@dataclass(frozen=True)
class Activation:
    """One activation: a unit's, on the image of this index, at (row, column)."""

    unit: int
    image: int
    position: Pair


@dataclass(frozen=True)
class Projected:
    """A reconstruction: ``values`` ``[C, h, w]`` float32 in the units of the input, a window with
    its top left at ``corner`` (row, column), and zero outside."""

    values: np.ndarray
    corner: Pair


def reconstructions(
    network: Network,
    graph: Graph,
    layer: Layer,
    activations: Iterable[Activation],
    stimuli: Mapping[int, Stimulus],
    *,
    rule: str,
    slots: int,
) -> dict[Activation, Projected]:
    """The reconstruction of each activation, with the weights of ``graph``.

    ``stimuli`` are those of the images, by index. An activation that isn't above 0 has one that is
    all zero.
    """
    found: dict[Activation, Projected] = {}
    wanted = list(dict.fromkeys(activations))
    needed = sorted({one.image for one in wanted})
    for batch in _batches([stimuli[image] for image in needed], slots):
        recording = record(graph, batch.inputs(network), [layer.node], rule)
        maps = layer.maps(recording.activations[layer.node])
        slot_of = dict(zip(batch.indices.tolist(), batch.slots, strict=True))
        here = [one for one in wanted if one.image in slot_of]
        for first in range(0, len(here), DESCENTS):
            some = here[first : first + DESCENTS]
            of = torch.tensor([slot_of[one.image] for one in some], device=maps.device)
            units = torch.tensor([one.unit for one in some], device=maps.device)
            where = torch.tensor([one.position for one in some], device=maps.device)
            values = maps[of, units, where[:, 0], where[:, 1]].clamp(min=0)
            signal = one_hot_signal(layer, values, units=units, positions=where)
            down = project_back(recording, layer.node, signal, stimulus=of, rule=rule)
            found.update(zip(some, _projected(down), strict=True))
    return found


def _projected(down: Window) -> list[Projected]:
    values = down.values.float().cpu().numpy()
    if down.top is None or down.left is None:
        return [Projected(one, (0, 0)) for one in values]
    corners = zip(down.top.tolist(), down.left.tolist(), strict=True)
    return [Projected(one, corner) for one, corner in zip(values, corners, strict=True)]


def likeness(one: Projected, other: Projected) -> float:
    """The cosine of two reconstructions of the same place; 0 where one of them is all zero."""
    assert one.corner == other.corner and one.values.shape == other.values.shape
    a, b = one.values.astype(np.float64).ravel(), other.values.astype(np.float64).ravel()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip(a @ b / scale, -1, 1)) if scale else 0.0


def of_layer(
    layer: str, units: Sequence[UnitEvolution], *, tile: Pair, figure: Sequence[int]
) -> LayerEvolution:
    """A layer's curves from its units."""
    alive = [unit for unit in units if unit.ends]
    moments = range(len(alive[0].strongest)) if alive else range(0)

    def share(flags: Iterable[bool]) -> float:
        return significant(sum(flags) / len(alive), 4)

    return LayerEvolution(
        layer,
        len(alive),
        tile,
        tuple(figure),
        tuple(share(unit.same(moment) for unit in alive) for moment in moments),
        tuple(share(unit.changed(moment) for unit in alive) for moment in moments),
        tuple(significant(median(unit.activations[m] for unit in alive), 4) for m in moments),
        tuple(significant(median(unit.likeness[m] for unit in alive), 4) for m in moments),
    )
