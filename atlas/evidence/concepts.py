"""What units overlap with: parts and things that somebody has drawn masks of.

Network Dissection (Bau et al. 2017): a unit's activations, brought to the size of the image and
cut at the unit's own threshold, which so few of its activations pass, make a mask; how much that
has in common with a concept's masks, over all images, is their intersection over their union. A
unit is named for the best concept only where that beats chance: the best that any concept reaches
with the masks of other images, over a number of draws.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from atlas.data import levels
from atlas.errors import AtlasError
from atlas.images.masks import Masks, cell_side, cells_of
from atlas.images.preprocessing import Preprocessing
from atlas.images.sources import Images, StimulusCache, ahead, stimuli
from atlas.networks.batching import BATCH, Batch, forward_batches, slot_by_slot, slots_of
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.runtime.progress import Progress, silent
from atlas.runtime.ranks import ALONE, Ranks

MOST = 500  # images whose masks are looked at, at most
FOR_THRESHOLDS = 250  # of these, as many show where a unit's threshold is
TOP = 0.005  # of a unit's activations, the share that passes its threshold, at most
DRAWS = 20  # of the chance distribution
LEAST = 0.04  # the least overlap worth a name, as in the paper
PLACES = 16  # rows and columns of a feature map that thresholds are taken from, at most
NAMED = 3  # concepts kept of a unit, at most


@dataclass(frozen=True)
class Overlap:
    """What units of a layer have in common with C concepts.

    ``real`` ``[U, C]`` is the intersection over union with each; ``chance`` ``[U, DRAWS]`` the best
    with any concept when the masks are those of other images.
    """

    real: np.ndarray
    chance: np.ndarray


Found = dict[str, np.ndarray]  # the cells of each concept in an image


def choose(masks: Masks, leave_out: Collection[int] = ()) -> list[int]:
    """The images whose masks are looked at: some of those that have any, at random, in order."""
    there = [index for index in masks.indices() if index not in leave_out]
    return _some(there, MOST)


def _some(indices: Sequence[int], count: int) -> list[int]:
    """So many at random: classes may come in turn, and every so-manyth would miss some."""
    order = np.random.Generator(np.random.Philox(0)).permutation(len(indices))
    return [indices[place] for place in sorted(order[:count])]


def overlaps(
    network: Network,
    images: Images,
    masks: Masks,
    layers: Sequence[Layer],
    chosen: Sequence[int],
    batch_size: int = BATCH,
    workers: int = 0,
    progress: Progress = silent,
    kept: StimulusCache | None = None,
    ranks: Ranks = ALONE,
) -> tuple[list[str], dict[str, Overlap]]:
    """The concepts, and what every unit of the layers with positions has in common with them.

    Looks at the ``chosen`` images, which the ranks share, twice: for the thresholds at some of
    them, then at all.
    """
    layers = [layer for layer in layers if layer.shape[1:] != (1, 1)]
    slots = slots_of(network, batch_size)

    def batches(some: Sequence[int], stage: str) -> Iterator[Batch]:
        own = slot_by_slot(some[ranks.rank :: ranks.count], slots)
        source = stimuli(images, network.preprocessing, own, workers, kept=kept, again=True)
        return forward_batches(progress(source, len(own), stage), slots)

    some = _some(chosen, FOR_THRESHOLDS)
    counted = ranks.gather(_counts(network, layers, batches(some, "thresholds")))
    thresholds = {
        layer.id: _thresholds(np.sum([one[layer.id] for one in ranks.share(counted)], 0))
        for layer in layers
    }
    cells = ahead(_MaskCells(masks, network.preprocessing, chosen), workers)
    found = list(progress(cells, len(chosen), "masks"))
    names = sorted({name for one in found for name in one})
    places = {image: place for place, image in enumerate(chosen)}
    draws = [np.arange(len(found))]
    draws += [
        np.random.Generator(np.random.Philox(n + 1)).permutation(len(found)) for n in range(DRAWS)
    ]
    sums = {layer.id: np.zeros((1 + DRAWS, layer.units, len(names)), np.int64) for layer in layers}
    areas = {layer.id: np.zeros(layer.units, np.int64) for layer in layers}
    for batch in batches(chosen, "concepts"):
        at = [places[stimulus.index] for stimulus in batch.stimuli]
        sheets = [_beside(found, [draw[place] for draw in draws], names) for place in at]
        for layer, maps in network.activations(batch.inputs(network), layers):
            above = _above(network, layer, maps[batch.slots], thresholds[layer.id])
            areas[layer.id] += above.sum((0, 2)).cpu().numpy()
            for active, (columns, sheet) in zip(above, sheets, strict=True):
                sums[layer.id][columns[0], :, columns[1]] += _common(active, sheet)
    gathered = ranks.gather((sums, areas))
    # the draws show all masks once, too
    sizes = np.array([sum(one[name].sum() for one in found if name in one) for name in names])
    return names, {
        layer.id: _overlap(
            np.sum([one[0][layer.id] for one in gathered], 0),
            np.sum([one[1][layer.id] for one in gathered], 0),
            sizes,
        )
        for layer in (layers if ranks.leads else ())
    }


def labels(names: Sequence[str], overlap: Overlap) -> list[tuple[tuple[str, float], ...]]:
    """For each unit the concepts it beats chance with, the best first."""
    found = []
    for real, chance in zip(overlap.real, overlap.chance, strict=True):
        least = max(LEAST, float(chance.max(initial=0)))
        best = np.argsort(-real, kind="stable")[:NAMED]
        found.append(tuple((names[c], round(float(real[c]), 3)) for c in best if real[c] > least))
    return found


def _overlap(sums: np.ndarray, areas: np.ndarray, sizes: np.ndarray) -> Overlap:
    union = areas[None, :, None] + sizes - sums
    shares = sums / np.maximum(union, 1)
    return Overlap(shares[0], shares[1:].max(2, initial=0).T)


def _counts(
    network: Network, layers: Sequence[Layer], batches: Iterator[Batch]
) -> dict[str, np.ndarray]:
    """How many activations of each unit reach each level, at some positions."""
    found = {layer.id: np.zeros((layer.units, levels.LEVELS), np.int64) for layer in layers}
    for batch in batches:
        for layer, maps in network.activations(batch.inputs(network), list(layers)):
            rows, columns = (-(-length // PLACES) for length in layer.shape[1:])
            some = maps[batch.slots, :, rows // 2 :: rows, columns // 2 :: columns]
            values = some.transpose(0, 1).flatten(1).float().cpu().numpy()
            found[layer.id] += levels.count(levels.level_of(values).T)
    return found


def _thresholds(counts: np.ndarray) -> np.ndarray:
    """The least level of each unit that no more than the share ``TOP`` of activations reach.

    As values, ``[U]`` float32; what is to be above them.
    """
    above = counts[:, ::-1].cumsum(1)[:, ::-1]  # that reach a level or a higher one
    passes = above <= TOP * counts.sum(1, keepdims=True)
    passes[:, 0] = False
    level = np.where(passes.any(1), passes.argmax(1), levels.LEVELS - 1)
    return np.array([levels.lower_bound(int(one)) for one in level], np.float32)


def _above(network: Network, layer: Layer, maps: Tensor, thresholds: np.ndarray) -> Tensor:
    """Where units pass their thresholds, in cells of the input frame: ``[N, U, cells]`` bool.

    Between the centres of receptive fields activations are interpolated.
    """
    size = network.graph.input_shape[1:]
    side = cell_side(size)
    axes = []
    for i in (0, 1):
        centres = torch.arange(-(-size[i] // side)) * side + (side - 1) / 2
        length, stride = layer.shape[1 + i], layer.field.stride[i]
        if stride:
            first = layer.field.offset[i] + (layer.field.size[i] - 1) / 2
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


def _common(active: Tensor, sheet: Tensor) -> np.ndarray:
    """How many cells units ``[U, cells]`` bool and K masks ``[cells, K]`` share: ``[K, U]``."""
    units, cells = active.nonzero(as_tuple=True)  # few are, so no matrix product
    found = sheet.new_zeros((len(active), sheet.shape[1]), device=active.device)
    return found.index_add_(0, units, sheet.to(active.device)[cells]).long().cpu().numpy().T


def _beside(
    found: Sequence[Found], others: Sequence[int], names: Sequence[str]
) -> tuple[tuple[np.ndarray, np.ndarray], Tensor]:
    """The masks to lay beside an image's activations: for each draw those of another image.

    As the draws and concepts of K masks, and these as columns ``[cells, K]``.
    """
    each = [
        (draw, names.index(name), cells.ravel())
        for draw, other in enumerate(others)
        for name, cells in found[other].items()
    ]
    numbers = np.array([one[:2] for one in each], np.int64).reshape(-1, 2)
    sheet = np.array([one[2] for one in each], np.float32).reshape(len(each), -1).T
    return (numbers[:, 0], numbers[:, 1]), torch.from_numpy(np.ascontiguousarray(sheet))


class _MaskCells(Dataset["Found | AtlasError"]):
    def __init__(self, masks: Masks, preprocessing: Preprocessing, indices: Sequence[int]) -> None:
        self.masks, self.preprocessing, self.indices = masks, preprocessing, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Found | AtlasError:
        try:
            found = self.masks.of(self.indices[place])
        except AtlasError as error:
            return error
        cells = {name: cells_of(mask, self.preprocessing) for name, mask in found.items()}
        return {name: one for name, one in cells.items() if one.any()}
