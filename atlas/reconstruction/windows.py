"""Windows: signals that are zero outside a small window, stored as that window.

A backward projection fills the receptive field and nothing else. So at each operation only the
window that the field covers is stored: B windows of one size, each at its own place. A window may
reach beyond its tensor. ``clipped`` sets it to zero there after every step, so that borders and
padding have the effect that they have on the whole tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

COVERS = 0.7  # a window of this share of its tensor is stored as the whole tensor


@dataclass(frozen=True)
class Span:
    """The places of B windows of one ``size`` (height, width) in a tensor.

    ``top`` and ``left`` are ``[B]``. The windows may reach beyond the tensor.
    """

    top: Tensor
    left: Tensor
    size: tuple[int, int]

    @property
    def places(self) -> tuple[Tensor, Tensor]:
        """The rows ``[B, h]`` and columns ``[B, w]`` that the windows cover."""
        rows = torch.arange(self.size[0], device=self.top.device)
        columns = torch.arange(self.size[1], device=self.top.device)
        return self.top[:, None] + rows, self.left[:, None] + columns

    def inside(self, shape: tuple[int, ...]) -> Tensor:
        """Which pixels of the windows lie in a tensor of this shape: ``[B, 1, h, w]`` bool."""
        rows, columns = self.places
        down, across = (rows >= 0) & (rows < shape[1]), (columns >= 0) & (columns < shape[2])
        return (down[:, :, None] & across[:, None, :])[:, None]


@dataclass(frozen=True)
class Window:
    """B signals ``[B, C, H, W]`` that are zero outside a window with ``values`` ``[B, C, h, w]``.

    ``top`` and ``left`` ``[B]`` are the places of the windows; both are None if ``values`` are the
    whole signals, which may have any shape. ``inside`` is True if the windows are known to be zero
    beyond the tensor.
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
        """The places of the windows, if these aren't the whole signals."""
        assert self.top is not None and self.left is not None
        return Span(self.top, self.left, (self.values.shape[2], self.values.shape[3]))


def all_of(shape: tuple[int, ...], device: torch.device) -> Span:
    """The span of B windows that are whole tensors, ``shape`` = ``(B, C, H, W)``."""
    zero = torch.zeros(shape[0], dtype=torch.long, device=device)
    return Span(zero, zero, (shape[2], shape[3]))


def whole(window: Window, shape: tuple[int, ...]) -> Window:
    """The whole signals; ``shape`` is that of one signal."""
    if window.is_whole:
        return window
    values = window.values
    rows, columns = window.span.places
    height, width = shape[1:]
    # the window is zero outside the tensor, so it may be added anywhere there
    at = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    signals = values.new_zeros((len(values), shape[0], height * width))
    at = at.flatten(1)[:, None, :].expand(-1, shape[0], -1)
    signals.scatter_add_(2, at, values.flatten(2))
    return Window(signals.view(len(values), *shape))


def clipped(window: Window, shape: tuple[int, ...]) -> Window:
    """The same signals, zero outside the tensor; whole signals if the window covers most of it."""
    if window.is_whole:
        return window
    if not window.inside:
        values = window.values * window.span.inside(shape)
        window = replace(window, values=values, inside=True)
    return whole(window, shape) if covers(window.span.size, shape) else window


def covers(size: tuple[int, int], shape: tuple[int, ...]) -> bool:
    """Whether a window of this size covers most of a tensor of this shape."""
    return size[0] * size[1] >= COVERS * shape[1] * shape[2]


def gathered(maps: Tensor, stimulus: Tensor, span: Span) -> Tensor:
    """B windows ``[B, C, h, w]`` of the maps ``[N, C, H, W]`` of N stimuli.

    ``stimulus`` ``[B]`` is the stimulus of each window. Outside the maps the values are arbitrary.
    """
    rows, columns = span.places
    rows, columns = rows.clamp(0, maps.shape[2] - 1), columns.clamp(0, maps.shape[3] - 1)
    values = maps[stimulus[:, None, None], :, rows[:, :, None], columns[:, None, :]]  # [B, h, w, C]
    return values.permute(0, 3, 1, 2)


def cut(
    window: Window, span: Span | None, *, shape: tuple[int, ...], fill: float | None = None
) -> Window:
    """The signals at ``span``, in a tensor of this shape; the whole signals for None.

    Beyond the tensor the values are ``fill``; arbitrary for None.
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
    """The values at ``span`` if that lies within the windows, at the same place in each."""
    if window.is_whole:
        return None
    have = window.span
    offset = _offset(have, span)
    if offset is None:
        return None
    top, left = offset
    fits = all(
        start >= 0 and start + size <= there
        for start, size, there in zip((top, left), span.size, have.size, strict=True)
    )
    if not fits:
        return None
    return window.values[:, :, top : top + span.size[0], left : left + span.size[1]]


def _offset(one: Span, other: Span) -> tuple[int, int] | None:
    """How far down and right of the one the other lies; None unless it is alike in all B cases."""
    apart = torch.stack([other.top - one.top, other.left - one.left], 1)
    down, right, alike = torch.cat([apart[0], (apart == apart[0]).all()[None]]).tolist()
    return (int(down), int(right)) if alike else None


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
    """The windows that hold both; None unless the two lie alike in all B cases."""
    offset = _offset(one, other)
    if offset is None:
        return None
    start = [min(0, n) for n in offset]
    height = max(one.size[0], offset[0] + other.size[0]) - start[0]
    width = max(one.size[1], offset[1] + other.size[1]) - start[1]
    return Span(one.top + start[0], one.left + start[1], (height, width))


def _placed(window: Window, span: Span) -> Tensor:
    """The values of larger windows that hold these, with zeros around them."""
    have = window.span
    first = torch.stack([(have.top - span.top)[0], (have.left - span.left)[0]]).tolist()
    above, before = (int(number) for number in first)
    below, after = span.size[0] - above - have.size[0], span.size[1] - before - have.size[1]
    return F.pad(window.values, (before, after, above, below))
