"""Measures of what a reconstruction proves: pure functions of B reconstructions at a time.

- How much does it look like that of the control twin (``ssim``, ``rank_correlation``)? A high
  figure means that it shows the image more than the unit (Adebayo et al. 2018; Nie et al. 2018).
- How much of it do the layer's other units not show (``own_share``)?
- Do the pixels that it marks matter (``marked``)? The network is run again with only the marked
  pixels and with only the others, and compared with marks of the same shape elsewhere (``moved``;
  after Fong & Vedaldi 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

GRID = 32  # cells along the longer side of a reconstruction, at most
PICTURE = 96  # pixels along the longer side of a picture that is compared, at most
PART = 5  # one in five of the cells that can reach an activation is marked, at most
WINDOW = 7  # pixels along the side of a window of ``ssim``


def scaled(values: Tensor) -> Tensor:
    """Each of B tensors ``[B, ...]`` divided by its largest magnitude: in [-1, 1]."""
    most = values.abs().flatten(1).amax(1).clamp_min(torch.finfo(values.dtype).tiny)
    return values / most.view(-1, *[1] * (values.dim() - 1))


def picture(values: Tensor) -> Tensor:
    """Reconstructions ``[B, C, h, w]`` as grey pictures ``[B, H, W]`` in [-1, 1], made small."""
    return scaled(small(values.mean(1)))


def small(values: Tensor) -> Tensor:
    """``[B, h, w]`` averaged over squares of pixels, so that no side is longer than PICTURE."""
    factor = -(-max(values.shape[1:]) // PICTURE)
    return F.avg_pool2d(values[:, None], factor, ceil_mode=True)[:, 0] if factor > 1 else values


def ssim(one: Tensor, other: Tensor, where: Tensor) -> Tensor:
    """The structural similarity of pictures ``[B, h, w]`` with values in [-1, 1]: ``[B]``.

    Wang et al. 2004, as the mean over windows of 7 by 7 pixels (or of the largest odd side that
    fits) in which every pixel counts the same. Only the windows inside ``where`` ``[B, h, w]``
    count; if there is none, those that touch it. Windows where both pictures are 0 don't count.
    """
    side = min(WINDOW, *one.shape[1:])
    side -= 1 - side % 2

    def mean(values: Tensor) -> Tensor:
        return _run_of_means(_run_of_means(values, 1, side), 2, side)

    mean_one, mean_other = mean(one), mean(other)
    unbiased = side**2 / max(side**2 - 1, 1)
    variance_one = unbiased * (mean(one * one) - mean_one * mean_one)
    variance_other = unbiased * (mean(other * other) - mean_other * mean_other)
    covariance = unbiased * (mean(one * other) - mean_one * mean_other)
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    above = (2 * mean_one * mean_other + c1) * (2 * covariance + c2)
    below = (mean_one**2 + mean_other**2 + c1) * (variance_one + variance_other + c2)
    share = mean(where.to(one.dtype)) * (mean(one.abs() + other.abs()) > 0)
    within = share > 1 - 0.5 / side**2
    within |= ~within.any(2).any(1)[:, None, None] & (share > 0)
    return (above / below * within).sum((1, 2)) / within.sum((1, 2)).clamp_min(1)


def _run_of_means(values: Tensor, axis: int, side: int) -> Tensor:
    """The means of ``side`` neighbours along an axis, to the bit as ``avg_pool2d`` takes them."""
    count = values.shape[axis] - side + 1
    total = values.narrow(axis, 0, count).clone()
    for start in range(1, side):
        total += values.narrow(axis, start, count)
    return total.div_(side)


def cells(energy: Tensor) -> Tensor:
    """The sum of ``energy`` ``[B, h, w]`` over the pixels of each cell: ``[B, H, W]``."""
    side = cell_side(energy.shape[1], energy.shape[2])
    return F.avg_pool2d(energy[:, None], side, ceil_mode=True, divisor_override=1)[:, 0]


def cell_side(height: int, width: int) -> int:
    """The side of a cell, in pixels, of a reconstruction of this height and width."""
    return -(-max(height, width) // GRID)


def enlarged(marks: Tensor, height: int, width: int) -> Tensor:
    """Marks of cells ``[B, H, W]`` as marks of their pixels ``[B, height, width]``."""
    side = cell_side(height, width)
    return marks.repeat_interleave(side, 1).repeat_interleave(side, 2)[:, :height, :width]


def rank_correlation(one: Tensor, other: Tensor, where: Tensor) -> Tensor:
    """Spearman's correlation of B pairs of values ``[B, N]`` over ``where`` ``[B, N]``: ``[B]``.

    0 where either is constant.
    """
    ranks = []
    for values in (one, other):
        # values that don't count come last, and their ranks are not used
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
    """The share of the energy of ``one`` that no multiple of ``others`` explains: ``[B]``.

    Both are ``[B, ...]``.
    """
    one, others = F.normalize(scaled(one).flatten(1)), F.normalize(scaled(others).flatten(1))
    return 1 - (one * others).sum(1).square().clamp(0, 1)


def marked(energy: Tensor, where: Tensor) -> Tensor:
    """The cells ``[B, H, W]`` that hold the most energy: ``[B, H, W]`` bool.

    A fifth of the cells in ``where``, but at least one, and only cells with energy.
    """
    flat = torch.where(where, energy, 0).flatten(1)
    count = (where.flatten(1).sum(1) // PART).clamp_min(1)
    order = flat.argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order)
    rank.scatter_(1, order, torch.arange(flat.shape[1], device=flat.device).expand_as(order))
    chosen = (rank < count[:, None]) & (flat > 0)
    return chosen.view(energy.shape)


def moved(marks: Tensor, where: Tensor, random: Tensor) -> Tensor:
    """Marks shifted within the rectangle of cells ``where``, and wrapped around at its edges.

    ``random`` ``[B]`` holds numbers in [0, 1) that decide how far. Marks always move, unless the
    rectangle is a single cell.
    """
    rows, columns = where.any(2), where.any(1)
    height, width = rows.sum(1), columns.sum(1)
    top, left = rows.to(torch.int8).argmax(1), columns.to(torch.int8).argmax(1)
    steps = (random * (height * width - 1)).long() + 1  # at least one, in row-major order
    down, across = steps // width.clamp_min(1), steps % width.clamp_min(1)
    shifted = torch.zeros_like(marks)
    at, row, column = marks.nonzero(as_tuple=True)
    row = (row - top[at] + down[at]) % height[at] + top[at]
    column = (column - left[at] + across[at]) % width[at] + left[at]
    shifted[at, row, column] = True
    return shifted
