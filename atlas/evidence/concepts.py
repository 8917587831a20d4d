"""Concepts: the parts and things that units overlap with, by masks of them.

Network Dissection (Bau et al. 2017). A unit's feature map is interpolated to the size of the image
and cut at the unit's own threshold, which only a small share of its activations reach. That gives a
mask. Its overlap with a concept is the intersection over union with the concept's masks, over all
images. A unit is named for its best concepts only where they beat chance: what any unit of the
layer reaches with any concept when the masks are those of other images, over a number of draws.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from atlas.data import levels
from atlas.errors import AtlasError
from atlas.evidence.by_chance import usual_and_largest
from atlas.evidence.peaks import drawn
from atlas.images.masks import Masks, cell_side, cells_of
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import Images
from atlas.images.stimuli import made_ahead, stimuli
from atlas.networks.batching import Batch, Running, forward_batches, slot_by_slot
from atlas.networks.layers import Layer
from atlas.networks.network import Network

MOST = 500  # images whose masks are used, at most
FOR_THRESHOLDS = 250  # of these, the images that thresholds are taken from, at most
TOP = 0.005  # the share of a unit's activations that reach its threshold, at most
DRAWS = 20  # of the chance distribution
LEAST = 0.04  # the smallest overlap that gives a name, as in the paper
PLACES = 16  # rows and columns of a feature map that thresholds are taken from, at most
NAMED = 3  # concepts that are reported of a unit, at most


@dataclass(frozen=True)
class Overlap:
    """The overlaps of a layer's units with C concepts.

    ``real`` ``[U, C]`` is the intersection over union with each. ``chance`` ``[U, DRAWS]`` is the
    best with any concept in each draw of other images' masks.
    """

    real: np.ndarray
    chance: np.ndarray


@dataclass(frozen=True)
class Overlaps:
    """The names of the concepts, and each layer's overlaps with them by id."""

    names: list[str]
    of_layers: dict[str, Overlap]


Cells = dict[str, np.ndarray]  # for each concept in an image its cells, [h, w] bool


def choose(masks: Masks, leave_out: Collection[int] = ()) -> list[int]:
    """The images whose masks are used: at most ``MOST`` of the annotated ones, at random."""
    annotated = [index for index in masks.indices() if index not in leave_out]
    return _sample(annotated, MOST)


def _sample(indices: Sequence[int], count: int) -> list[int]:
    return [indices[place] for place in drawn(len(indices), count)]


def overlaps(
    network: Network,
    images: Images,
    masks: Masks,
    *,
    layers: Sequence[Layer],
    chosen: Sequence[int],
    running: Running,
) -> Overlaps:
    """The overlaps of every unit with every concept, for the layers that have positions.

    The ranks share the ``chosen`` images and run the network on them twice: on some of them for the
    thresholds, then on all. Only rank 0 returns the overlaps of layers; the others return none.
    Raises ``AtlasError`` for an image or mask that can't be read.
    """
    layers = [layer for layer in layers if layer.shape[1:] != (1, 1)]
    ranks = running.ranks

    def batches(indices: Sequence[int], stage: str) -> Iterator[Batch]:
        own = slot_by_slot(indices[ranks.rank :: ranks.count], running.slots)
        source = stimuli(
            images,
            network.preprocessing,
            own,
            workers=running.workers,
            cache=running.cache,
            again=True,
        )
        return forward_batches(running.progress(source, len(own), stage), running.slots)

    for_thresholds = batches(_sample(chosen, FOR_THRESHOLDS), "thresholds")
    counted = ranks.share(ranks.gather(_counts(network, layers, for_thresholds)))
    thresholds = {
        layer.id: thresholds_of(np.sum([counts[layer.id] for counts in counted], 0))
        for layer in layers
    }
    cells = made_ahead(MaskCells(masks, network.preprocessing, chosen), running.workers)
    annotated = _Annotated(chosen, list(running.progress(cells, len(chosen), "masks")))
    sums = _sums(
        network,
        batches(chosen, "concepts"),
        layers=layers,
        thresholds=thresholds,
        annotated=annotated,
    )
    gathered = ranks.gather(sums)
    if not ranks.leads:
        return Overlaps(annotated.names, {})
    return Overlaps(
        annotated.names,
        {
            layer.id: _overlap(
                np.sum([one.common[layer.id] for one in gathered], 0),
                np.sum([one.areas[layer.id] for one in gathered], 0),
                annotated.sizes,
            )
            for layer in layers
        },
    )


def labels(names: Sequence[str], overlap: Overlap) -> list[tuple[tuple[str, float], ...]]:
    """For each unit the concepts whose overlap beats chance, with that overlap, the best first.

    By chance one layer in ``DRAWS`` + 1 has any unit with a label.
    """
    usual, largest = usual_and_largest(overlap.chance.T, LEAST)
    labels_ = []
    for real, by_chance in zip(overlap.real, usual * largest.max(initial=0), strict=True):
        least = max(LEAST, float(by_chance))
        best = np.argsort(-real, kind="stable")[:NAMED]
        labels_.append(tuple((names[c], round(float(real[c]), 3)) for c in best if real[c] > least))
    return labels_


class _Annotated:
    """The cells of all concepts in the images at ``indices``, and draws of other images' cells.

    Draw 0 gives every image its own cells; each of the ``DRAWS`` others gives every image those of
    another one, at random.
    """

    def __init__(self, indices: Sequence[int], cells: list[Cells]) -> None:
        self.names = sorted({name for one in cells for name in one})
        self._cells = cells
        self._places = {image: place for place, image in enumerate(indices)}
        self._draws = [np.arange(len(cells))]
        self._draws += [
            np.random.Generator(np.random.Philox(draw + 1)).permutation(len(cells))
            for draw in range(DRAWS)
        ]

    @property
    def sizes(self) -> np.ndarray:
        """The cells of each concept in all images: ``[C]``, the same in every draw."""
        return np.array(
            [sum(one[name].sum() for one in self._cells if name in one) for name in self.names]
        )

    def sheet(self, image: int) -> _Sheet:
        """The masks that an image is compared with."""
        each = [
            (draw, self.names.index(name), cells.ravel())
            for draw, order in enumerate(self._draws)
            for name, cells in self._cells[order[self._places[image]]].items()
        ]
        numbers = np.array([one[:2] for one in each], np.int64).reshape(-1, 2)
        columns = np.array([one[2] for one in each], np.float32).reshape(len(each), -1).T
        cells = torch.from_numpy(np.ascontiguousarray(columns))
        return _Sheet(numbers[:, 0], numbers[:, 1], cells)


@dataclass(frozen=True)
class _Sheet:
    """K masks: the draw and concept of each, ``[K]``, and the masks as columns ``[cells, K]``."""

    draws: np.ndarray
    concepts: np.ndarray
    cells: Tensor


@dataclass(frozen=True)
class _Sums:
    """What overlaps are computed from, by layer, in cells.

    ``common`` ``[1 + DRAWS, U, C]`` counts the cells that units share with concepts in each draw,
    and ``areas`` ``[U]`` the cells where units reach their thresholds.
    """

    common: dict[str, np.ndarray]
    areas: dict[str, np.ndarray]


def _sums(
    network: Network,
    batches: Iterator[Batch],
    *,
    layers: Sequence[Layer],
    thresholds: Mapping[str, np.ndarray],
    annotated: _Annotated,
) -> _Sums:
    """Compare units with masks, over batches of images."""
    concepts = len(annotated.names)
    sums = _Sums(
        {layer.id: np.zeros((1 + DRAWS, layer.units, concepts), np.int64) for layer in layers},
        {layer.id: np.zeros(layer.units, np.int64) for layer in layers},
    )
    for batch in batches:
        sheets = [annotated.sheet(stimulus.index) for stimulus in batch.stimuli]
        for layer, maps in network.activations(batch.inputs(network), layers):
            above = _above(network, layer, maps[batch.slots], thresholds[layer.id])
            sums.areas[layer.id] += above.sum((0, 2)).cpu().numpy()
            for active, sheet in zip(above, sheets, strict=True):
                common = _common(active, sheet.cells)
                sums.common[layer.id][sheet.draws, :, sheet.concepts] += common
    return sums


def _overlap(common: np.ndarray, areas: np.ndarray, sizes: np.ndarray) -> Overlap:
    """The overlaps of a layer's units, from the sums of all ranks."""
    union = areas[None, :, None] + sizes - common
    shares = common / np.maximum(union, 1)
    return Overlap(shares[0], shares[1:].max(2, initial=0).T)


def _counts(
    network: Network, layers: Sequence[Layer], batches: Iterator[Batch]
) -> dict[str, np.ndarray]:
    """The number of each unit's activations in each level, at some positions: ``[U, LEVELS]``."""
    counts = {layer.id: np.zeros((layer.units, levels.LEVELS), np.int64) for layer in layers}
    for batch in batches:
        for layer, maps in network.activations(batch.inputs(network), layers):
            rows, columns = -(-layer.shape[1] // PLACES), -(-layer.shape[2] // PLACES)
            some = maps[batch.slots, :, rows // 2 :: rows, columns // 2 :: columns]
            values = some.transpose(0, 1).flatten(1).float().cpu().numpy()
            counts[layer.id] += levels.count(levels.level_of(values).T)
    return counts


def thresholds_of(counts: np.ndarray) -> np.ndarray:
    """The threshold of each unit, ``[U]`` float32.

    The lower bound of the lowest level such that at most the share ``TOP`` of the unit's
    activations lie in it or above.
    """
    above = counts[:, ::-1].cumsum(1)[:, ::-1]  # activations in a level or above
    passes = above <= TOP * counts.sum(1, keepdims=True)
    passes[:, 0] = False
    level = np.where(passes.any(1), passes.argmax(1), levels.LEVELS - 1)
    return np.array([levels.lower_bound(int(one)) for one in level], np.float32)


def _above(network: Network, layer: Layer, maps: Tensor, thresholds: np.ndarray) -> Tensor:
    """The cells of the input frame where units reach their thresholds: ``[N, U, cells]`` bool.

    Activations stand at the centres of their receptive fields and are interpolated between them.
    """
    size = network.graph.input_shape[1:]
    side = cell_side(size)
    axes = []
    for i in (0, 1):
        centres = torch.arange(-(-size[i] // side)) * side + (side - 1) / 2
        length, stride = layer.shape[1 + i], layer.held.stride[i]
        if stride:
            first = layer.held.offset[i] + (layer.held.size[i] - 1) / 2
            place = (centres - first) / stride
        else:
            place = (centres + 0.5) * length / size[i] - 0.5
        axes.append(2 * place / max(length - 1, 1) - 1 if length > 1 else 0 * place)
    grid = torch.stack(torch.meshgrid(axes[1], axes[0], indexing="xy"), -1).to(maps)
    fine = F.grid_sample(
        maps, grid.expand(len(maps), -1, -1, -1), padding_mode="border", align_corners=True
    )
    limit = torch.from_numpy(thresholds).to(maps)[:, None, None]
    return (fine >= limit).flatten(2)


def _common(active: Tensor, masks: Tensor) -> np.ndarray:
    """The cells that units ``[U, cells]`` and K masks ``[cells, K]`` share, counted: ``[K, U]``."""
    units, cells = active.nonzero(as_tuple=True)  # so few that a matrix product takes longer
    counts = masks.new_zeros((len(active), masks.shape[1]), device=active.device)
    return counts.index_add_(0, units, masks.to(active.device)[cells]).long().cpu().numpy().T


@dataclass(frozen=True)
class MaskCells(Dataset["Cells | AtlasError"]):
    """The cells of all concepts in images; an ``AtlasError`` for masks that can't be read."""

    masks: Masks
    preprocessing: Preprocessing
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Cells | AtlasError:
        try:
            masks = self.masks.of(self.indices[place])
        except AtlasError as error:
            return error
        cells = {name: cells_of(mask, self.preprocessing) for name, mask in masks.items()}
        return {name: one for name, one in cells.items() if one.any()}
