"""Receptive fields as intervals of integers, one axis at a time. Nothing here knows of tensors.

Conventions, stated once for the whole project: positions are (row, column); intervals and boxes
are half-open; their unit is a pixel of the input frame, the stimulus after resize and crop.

Fields are carried forward from the input. A position's *true* interval is the union of those of
the inputs that its window really covers, so it is clipped to every intermediate tensor's extent
as well as to the image: floor mode may leave out a tensor's last columns, and padding holds no
pixels. The *nominal* interval ignores extents: it has the same size at every position, is an
affine function of it, and is the figure usually published (Araujo et al. 2019, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from atlas.data.geometry import Box

NOTHING = (1 << 60, -(1 << 60))  # the neutral element of union: a window of padding only

Interval = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """The receptive fields of all positions of one tensor along one axis of the input frame.

    ``true[i]`` is position i's clipped interval, ``NOTHING`` where it sees padding only. Its
    nominal interval starts at ``offset + i * stride`` and is ``size`` long.
    """

    extent: int
    true: tuple[Interval, ...]
    size: int
    stride: int
    offset: int

    def nominal(self, position: int) -> Interval:
        """Position's unclipped interval."""
        start = self.offset + position * self.stride
        return start, start + self.size


Axes = tuple[Axis, Axis]  # rows, columns


def pixels(extent: int) -> Axis:
    """The input frame itself: each pixel sees itself."""
    return Axis(extent, tuple((i, i + 1) for i in range(extent)), 1, 1, 0)


def _hull(intervals: tuple[Interval, ...]) -> Interval:
    return min((lo for lo, _ in intervals), default=NOTHING[0]), max(
        (hi for _, hi in intervals), default=NOTHING[1]
    )


def window(
    axis: Axis, outputs: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Axis:
    """Through a convolution or pooling: output o sees inputs o*stride - padding + dilation*[0, k).

    ``padding`` is what stands before the first input; what stands after it only changes
    ``outputs``.
    """
    reach = dilation * (kernel - 1) + 1
    true = []
    for output in range(outputs):
        taps = range(output * stride - padding, output * stride - padding + reach, dilation)
        true.append(_hull(tuple(axis.true[t] for t in taps if 0 <= t < len(axis.true))))
    return Axis(
        axis.extent,
        tuple(true),
        axis.size + (reach - 1) * axis.stride,
        axis.stride * stride,
        axis.offset - padding * axis.stride,
    )


def adaptive(axis: Axis, outputs: int) -> Axis:
    """Through adaptive pooling: output o sees inputs floor(o*n/outputs) to ceil((o+1)*n/outputs).

    Its windows may differ in size; the nominal one is then the largest of them.
    """
    inputs = len(axis.true)
    if outputs == 1 and inputs > 1:
        return whole(axis, 1)
    if outputs == inputs:
        return axis
    cuts = [(o * inputs // outputs, -(-(o + 1) * inputs // outputs)) for o in range(outputs)]
    kernel, stride = max(b - a for a, b in cuts), max(1, inputs // outputs)
    nominal = window(axis, outputs, kernel, stride)
    true = tuple(_hull(axis.true[a:b]) for a, b in cuts)
    return Axis(axis.extent, true, nominal.size, nominal.stride, nominal.offset)


def whole(axis: Axis, outputs: int) -> Axis:
    """Through an operation that mixes all positions (linear, global pooling): the whole extent.

    The nominal interval is then the input frame: beyond it there is nothing to see.
    """
    return Axis(axis.extent, (_hull(axis.true),) * outputs, axis.extent, 0, 0)


def gathered(axis: Axis, reach: Sequence[Sequence[int]]) -> Axis:
    """Through an operation whose output o depends on the inputs ``reach[o]``, in no regular way.

    The nominal interval is then the input frame.
    """
    true = tuple(_hull(tuple(axis.true[i] for i in places)) for places in reach)
    return Axis(axis.extent, true, axis.extent, 0, 0)


def stretched(axis: Axis, length: int) -> Axis:
    """A single position repeated over ``length``, as tensors do when they are added."""
    return replace(axis, true=axis.true * length) if len(axis.true) == 1 else axis


def union(one: Axis, other: Axis) -> Axis:
    """Where branches of the same length join."""
    true = tuple(
        (min(a, c), max(b, d)) for (a, b), (c, d) in zip(one.true, other.true, strict=True)
    )
    if one.stride != other.stride:  # no affine box holds both at every position
        return Axis(one.extent, true, one.extent, 0, 0)
    start = min(one.offset, other.offset)
    end = max(one.offset + one.size, other.offset + other.size)
    return Axis(one.extent, true, end - start, one.stride, start)


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive fields of every position of a layer's feature maps."""

    rows: Axis
    columns: Axis

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the nominal box."""
        return self.rows.size, self.columns.size

    @property
    def stride(self) -> tuple[int, int]:
        """How far the nominal box moves from one position to the next."""
        return self.rows.stride, self.columns.stride

    @property
    def offset(self) -> tuple[int, int]:
        """Top left corner of the nominal box of position (0, 0)."""
        return self.rows.offset, self.columns.offset

    def box(self, row: int, column: int) -> Box:
        """The nominal box of a position: unclipped, it may reach beyond the image."""
        (top, bottom), (left, right) = self.rows.nominal(row), self.columns.nominal(column)
        return Box(top, left, bottom, right)

    def true_box(self, row: int, column: int) -> Box:
        """The pixels that can influence the activation at a position; empty for padding only."""
        (top, bottom), (left, right) = self.rows.true[row], self.columns.true[column]
        if top >= bottom or left >= right:
            return Box(0, 0, 0, 0)
        return Box(top, left, bottom, right)
