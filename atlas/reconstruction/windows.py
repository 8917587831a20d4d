"""Signals that are zero but for a small window, kept as that window.

On its way down a reconstruction fills the receptive field and nothing else, so only the window
that the field covers at each operation is kept: B windows of one size, each at its own place. They
may reach beyond the tensor they are of; there they are zero, which ``clipped`` sees to after every
step, so that borders and padding act as they do on the whole tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

COVERS = 0.7  # a window of this share of the tensor is kept as the whole tensor


@dataclass(frozen=True)
class Span:
    """Where B windows of one ``size`` (height, width) lie in a tensor: ``top``, ``left`` ``[B]``.

    They may reach beyond the tensor.
    """

    top: Tensor
    left: Tensor
    size: tuple[int, int]

    @property
    def places(self) -> tuple[Tensor, Tensor]:
        """Rows ``[B, h]`` and columns ``[B, w]`` of the tensor."""
        rows, columns = (torch.arange(n, device=self.top.device) for n in self.size)
        return self.top[:, None] + rows, self.left[:, None] + columns

    def inside(self, shape: tuple[int, ...]) -> Tensor:
        """What of the windows lies in a tensor of this shape: ``[B, 1, h, w]`` bool."""
        rows, columns = self.places
        down, across = (rows >= 0) & (rows < shape[1]), (columns >= 0) & (columns < shape[2])
        return (down[:, :, None] & across[:, None, :])[:, None]


@dataclass(frozen=True)
class Window:
    """B signals ``[B, C, H, W]`` of which ``values`` ``[B, C, h, w]`` are known, the rest zero.

    ``top`` and ``left`` ``[B]`` place each window; None where ``values`` are the whole signals,
    which may then have any shape. Where it is known that nothing but zero lies beyond the tensor,
    it says ``inside``.
    """

    values: Tensor
    top: Tensor | None = None
    left: Tensor | None = None
    inside: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the values are the whole signals."""
        return self.top is None

    @property
    def span(self) -> Span:
        """Where the windows lie."""
        assert self.top is not None and self.left is not None
        return Span(self.top, self.left, (self.values.shape[2], self.values.shape[3]))


def all_of(shape: tuple[int, ...], device: torch.device) -> Span:
    """The whole of each of B tensors ``[B, C, H, W]`` of this shape."""
    nowhere = torch.zeros(shape[0], dtype=torch.long, device=device)
    return Span(nowhere, nowhere, (shape[2], shape[3]))


def whole(window: Window, shape: tuple[int, ...]) -> Window:
    """The same signals with all their zeros; ``shape`` is that of one signal."""
    if window.is_whole:
        return window
    values = window.values
    rows, columns = window.span.places
    height, width = shape[1:]
    # what lies outside is zero, so it may be added anywhere
    at = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    signals = values.new_zeros((len(values), shape[0], height * width))
    at = at.flatten(1)[:, None, :].expand(-1, shape[0], -1)
    signals.scatter_add_(2, at, values.flatten(2))
    return Window(signals.view(len(values), *shape))


def clipped(window: Window, shape: tuple[int, ...]) -> Window:
    """Zero outside the tensor; the whole tensor, if the window covers most of it."""
    if window.is_whole:
        return window
    if not window.inside:
        values = window.values * window.span.inside(shape)
        window = replace(window, values=values, inside=True)
    return whole(window, shape) if covers(window.span.size, shape) else window


def covers(size: tuple[int, int], shape: tuple[int, ...]) -> bool:
    """Whether a window of this size is most of a tensor of this shape."""
    return size[0] * size[1] >= COVERS * shape[1] * shape[2]


def gathered(maps: Tensor, of: Tensor, span: Span) -> Tensor:
    """What maps ``[N, C, H, W]`` hold where windows lie, ``[B, C, h, w]``.

    ``of`` ``[B]`` says which map belongs to which window. Outside the maps it is arbitrary.
    """
    rows, columns = span.places
    rows, columns = rows.clamp(0, maps.shape[2] - 1), columns.clamp(0, maps.shape[3] - 1)
    found = maps[of[:, None, None], :, rows[:, :, None], columns[:, None, :]]  # [B, h, w, C]
    return found.permute(0, 3, 1, 2)


def cut(
    window: Window, span: Span | None, shape: tuple[int, ...], fill: float | None = None
) -> Window:
    """These windows of signals of a tensor of this shape; all of it for None.

    What lies beyond the tensor is ``fill``, or whatever it happens to be for None.
    """
    if span is None:
        return whole(window, shape)
    values = _part(window, span)
    if values is None:
        own = torch.arange(len(window.values), device=span.top.device)
        values = gathered(whole(window, shape).values, own, span)
    if fill is not None:
        inside = span.inside(shape)
        if not bool(inside.all()):
            values = torch.where(inside, values, fill)
    return Window(values, span.top, span.left)


def _part(window: Window, span: Span) -> Tensor | None:
    """Windows that lie alike within windows."""
    if window.is_whole:
        return None
    have = window.span
    down, right = span.top - have.top, span.left - have.left
    top, left = int(down[0]), int(right[0])
    fits = all(
        start >= 0 and start + size <= there
        for start, size, there in zip((top, left), span.size, have.size, strict=True)
    )
    if not fits or (down != top).any() or (right != left).any():
        return None
    return window.values[:, :, top : top + span.size[0], left : left + span.size[1]]


def added(one: Window, other: Window, shape: tuple[int, ...]) -> Window:
    """The sum of two signals of a tensor of this shape."""
    if one.is_whole or other.is_whole:
        return Window(whole(one, shape).values + whole(other, shape).values)
    span = joint(one.span, other.span)
    if span is None:
        return Window(whole(one, shape).values + whole(other, shape).values)
    inside = one.inside and other.inside
    return Window(_placed(one, span) + _placed(other, span), span.top, span.left, inside)


def joint(one: Span, other: Span) -> Span | None:
    """Windows that hold both; None where they don't all lie alike."""
    down, right = other.top - one.top, other.left - one.left
    if (down != down[0]).any() or (right != right[0]).any():
        return None
    offset = int(down[0]), int(right[0])
    start = [min(0, n) for n in offset]
    height, width = (max(one.size[i], offset[i] + other.size[i]) - start[i] for i in (0, 1))
    return Span(one.top + start[0], one.left + start[1], (height, width))


def _placed(window: Window, span: Span) -> Tensor:
    """The values of windows that hold these, zero around them."""
    have = window.span
    above, before = int((have.top - span.top)[0]), int((have.left - span.left)[0])
    below, after = span.size[0] - above - have.size[0], span.size[1] - before - have.size[1]
    return F.pad(window.values, (before, after, above, below))
