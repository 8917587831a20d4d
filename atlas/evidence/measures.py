"""What a reconstruction proves: pure measures over B of them at a time.

- How like is the picture to that of the control twin (``ssim``, ``rank_correlation``)? A high
  figure means that it shows the image more than the unit (Adebayo et al. 2018; Nie et al. 2018).
- How much of it does the rest of the layer not show (``own_share``)?
- Does what it marks matter (``marked``)? Keep only that, keep everything else, and run the network
  again, with marks of the same shape elsewhere as the baseline (after Fong & Vedaldi 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

GRID = 32  # cells along the longer side of what is compared or marked, at most
PICTURE = 96  # pixels along the longer side of pictures that are compared, at most
PART = 5  # of the cells that can reach an activation, one in so many is marked, at most
WINDOW = 7


def scaled(values: Tensor) -> Tensor:
    """Each of B tensors ``[B, ...]`` over its largest magnitude: in [-1, 1]."""
    most = values.abs().flatten(1).amax(1).clamp_min(torch.finfo(values.dtype).tiny)
    return values / most.view(-1, *[1] * (values.dim() - 1))


def picture(values: Tensor) -> Tensor:
    """Reconstructions ``[B, C, h, w]`` as they are compared: grey, in [-1, 1], of display size."""
    return scaled(small(values.mean(1)))


def small(values: Tensor) -> Tensor:
    """Means over squares of pixels, as many as make ``[B, h, w]`` fit the size of a display."""
    factor = -(-max(values.shape[1:]) // PICTURE)
    return F.avg_pool2d(values[:, None], factor, ceil_mode=True)[:, 0] if factor > 1 else values


def ssim(one: Tensor, other: Tensor, where: Tensor) -> Tensor:
    """The structural similarity of pictures ``[B, h, w]`` with values in [-1, 1]: ``[B]``.

    Wang et al. 2004 over windows of 7 by 7 (or of the largest odd side that fits), each pixel
    counting the same; of these windows those within ``where``, or that touch it if none is. Where
    both pictures show nothing they are not compared.
    """
    side = min(WINDOW, *one.shape[1:])
    side -= 1 - side % 2

    def mean(values: Tensor) -> Tensor:
        rows = F.avg_pool2d(values[:, None], (side, 1), 1)  # one axis after the other is faster
        return F.avg_pool2d(rows, (1, side), 1)[:, 0]

    means = mean(one), mean(other)
    sample = side**2 / max(side**2 - 1, 1)  # unbiased
    variances = [
        sample * (mean(values * values) - m * m)
        for values, m in zip((one, other), means, strict=True)
    ]
    covariance = sample * (mean(one * other) - means[0] * means[1])
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    above = (2 * means[0] * means[1] + c1) * (2 * covariance + c2)
    below = (means[0] ** 2 + means[1] ** 2 + c1) * (variances[0] + variances[1] + c2)
    share = mean(where.to(one.dtype)) * (mean(one.abs() + other.abs()) > 0)
    within = share > 1 - 0.5 / side**2
    within |= ~within.any(2).any(1)[:, None, None] & (share > 0)
    return (above / below * within).sum((1, 2)) / within.sum((1, 2)).clamp_min(1)


def cells(energy: Tensor) -> Tensor:
    """How much of what is spread over pixels ``[B, h, w]`` lies in each cell: ``[B, H, W]``."""
    side = cell_side(energy.shape[1], energy.shape[2])
    return F.avg_pool2d(energy[:, None], side, ceil_mode=True, divisor_override=1)[:, 0]


def cell_side(height: int, width: int) -> int:
    """Pixels along the side of a cell of what is so high and wide."""
    return -(-max(height, width) // GRID)


def enlarged(marks: Tensor, height: int, width: int) -> Tensor:
    """Marks of cells ``[B, H, W]`` as marks of pixels ``[B, height, width]``."""
    side = cell_side(height, width)
    return marks.repeat_interleave(side, 1).repeat_interleave(side, 2)[:, :height, :width]


def rank_correlation(one: Tensor, other: Tensor, where: Tensor) -> Tensor:
    """Spearman's correlation of B pairs of values ``[B, N]`` where ``where`` says: ``[B]``.

    0 where either is constant.
    """
    ranks = []
    for values in (one, other):
        # what doesn't count comes last, and its ranks are not looked at
        values = torch.where(where, values, torch.inf).contiguous()
        ordered = values.sort(1).values
        first = torch.searchsorted(ordered, values)
        last = torch.searchsorted(ordered, values, right=True)
        rank = (first + last).to(one.dtype) * where
        mean = rank.sum(1, keepdim=True) / where.sum(1, keepdim=True).clamp_min(1)
        ranks.append((rank - mean) * where)
    length = ranks[0].norm(dim=1) * ranks[1].norm(dim=1)
    return (ranks[0] * ranks[1]).sum(1) / length.clamp_min(1e-6)


def own_share(one: Tensor, others: Tensor) -> Tensor:
    """The share of the energy of ``one`` ``[B, ...]`` that no multiple of ``others`` explains."""
    one, others = (F.normalize(each.flatten(1)) for each in (scaled(one), scaled(others)))
    return 1 - (one * others).sum(1).square().clamp(0, 1)


def marked(energy: Tensor, where: Tensor) -> Tensor:
    """The cells that hold most: ``[B, H, W]`` bool.

    Of the cells that ``where`` says a fifth, at least one, and none that holds nothing.
    """
    flat = torch.where(where, energy, 0).flatten(1)
    count = (where.flatten(1).sum(1) // PART).clamp_min(1)
    order = flat.argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order)
    rank.scatter_(1, order, torch.arange(flat.shape[1], device=flat.device).expand_as(order))
    chosen = (rank < count[:, None]) & (flat > 0)
    return chosen.view(energy.shape)


def moved(marks: Tensor, where: Tensor, luck: Tensor) -> Tensor:
    """Marks shifted within the rectangle of cells that ``where`` says, round its edges.

    ``luck`` ``[B]`` holds numbers in [0, 1) that decide how far; never not at all, unless the
    rectangle is one cell.
    """
    rows, columns = where.any(2), where.any(1)
    height, width = rows.sum(1), columns.sum(1)
    first = rows.to(torch.int8).argmax(1), columns.to(torch.int8).argmax(1)
    steps = (luck * (height * width - 1)).long() + 1  # in row-major order, so never none
    down, across = steps // width.clamp_min(1), steps % width.clamp_min(1)
    found = torch.zeros_like(marks)
    at, row, column = marks.nonzero(as_tuple=True)
    row = (row - first[0][at] + down[at]) % height[at] + first[0][at]
    column = (column - first[1][at] + across[at]) % width[at] + first[1][at]
    found[at, row, column] = True
    return found
