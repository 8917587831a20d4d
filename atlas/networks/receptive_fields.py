"""Receptive fields as intervals of integers, one axis at a time, without tensors.

Conventions of the whole project: positions are (row, column); intervals and boxes are half-open;
their unit is a pixel of the input frame, which is the stimulus after resize and crop.

Fields are computed forwards from the input. A position's *true* interval is the union of the true
intervals of the inputs that its window covers. So it is clipped to the extent of every tensor on
the way and not only to the image: floor mode may leave out a tensor's last columns, and padding
holds no pixels. The *nominal* interval ignores extents. It has the same size at every position, it
is an affine function of the position, and it is the figure usually published (Araujo et al. 2019,
section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from atlas.data.geometry import Box

NOTHING = (1 << 60, -(1 << 60))  # the interval of a window of padding only; neutral in unions

Interval = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """The receptive fields of all positions of one tensor along one axis of the input frame.

    ``extent`` is the input frame's length. ``true[i]`` is the true interval of position i,
    ``NOTHING`` if its window covers padding only. Its nominal interval starts at
    ``offset + i * stride`` and is ``size`` long.
    """

    extent: int
    true: tuple[Interval, ...]
    size: int
    stride: int
    offset: int

    def nominal(self, position: int) -> Interval:
        """The nominal interval of a position."""
        start = self.offset + position * self.stride
        return start, start + self.size


Axes = tuple[Axis, Axis]  # rows, columns


def pixels(extent: int) -> Axis:
    """The fields of the input frame's own pixels: each is itself."""
    return Axis(extent, tuple((i, i + 1) for i in range(extent)), 1, 1, 0)


def _hull(intervals: tuple[Interval, ...]) -> Interval:
    """The smallest interval that holds all of these; ``NOTHING`` for none."""
    start = min((lo for lo, _ in intervals), default=NOTHING[0])
    end = max((hi for _, hi in intervals), default=NOTHING[1])
    return start, end


def window(
    axis: Axis,
    outputs: int,
    *,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> Axis:
    """The fields after a convolution or pooling, at its ``outputs`` positions.

    Output o depends on the inputs o * stride - padding + dilation * [0, kernel). ``padding`` counts
    the positions before the first input; padding after the last one only changes ``outputs``.
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
    """The fields after adaptive pooling of n inputs.

    Output o depends on the inputs from floor(o * n / outputs) to ceil((o + 1) * n / outputs). The
    windows may differ in size; the nominal one is the largest.
    """
    inputs = len(axis.true)
    if outputs == 1 and inputs > 1:
        return whole(axis, 1)
    if outputs == inputs:
        return axis
    cuts = [(o * inputs // outputs, -(-(o + 1) * inputs // outputs)) for o in range(outputs)]
    kernel, stride = max(b - a for a, b in cuts), max(1, inputs // outputs)
    nominal = window(axis, outputs, kernel=kernel, stride=stride)
    true = tuple(_hull(axis.true[a:b]) for a, b in cuts)
    return Axis(axis.extent, true, nominal.size, nominal.stride, nominal.offset)


def whole(axis: Axis, outputs: int) -> Axis:
    """The fields after an operation that mixes all positions, such as global pooling.

    The nominal interval is the input frame, because no pixels lie beyond it.
    """
    return Axis(axis.extent, (_hull(axis.true),) * outputs, axis.extent, 0, 0)


def gathered(axis: Axis, reach: Sequence[Sequence[int]]) -> Axis:
    """The fields after an operation whose output o depends on any inputs ``reach[o]``.

    The nominal interval is the input frame.
    """
    true = tuple(_hull(tuple(axis.true[i] for i in places)) for places in reach)
    return Axis(axis.extent, true, axis.extent, 0, 0)


def stretched(axis: Axis, length: int) -> Axis:
    """The fields of a single position broadcast to ``length``; any other axis as it is."""
    return replace(axis, true=axis.true * length) if len(axis.true) == 1 else axis


def union(one: Axis, other: Axis) -> Axis:
    """The fields where two branches of the same length join."""
    true = tuple(
        (min(a, c), max(b, d)) for (a, b), (c, d) in zip(one.true, other.true, strict=True)
    )
    if one.stride != other.stride:  # no nominal interval holds both at every position
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
        """The step of the nominal box from one position to the next, in pixels."""
        return self.rows.stride, self.columns.stride

    @property
    def offset(self) -> tuple[int, int]:
        """The top left corner of the nominal box of position (0, 0)."""
        return self.rows.offset, self.columns.offset

    def box(self, row: int, column: int) -> Box:
        """The nominal box of a position; it may reach beyond the image."""
        (top, bottom), (left, right) = self.rows.nominal(row), self.columns.nominal(column)
        return Box(top, left, bottom, right)

    def true_box(self, row: int, column: int) -> Box:
        """The true box of a position: the pixels that can influence its activation.

        Empty if its window covers padding only.
        """
        (top, bottom), (left, right) = self.rows.true[row], self.columns.true[column]
        if top >= bottom or left >= right:
            return Box(0, 0, 0, 0)
        return Box(top, left, bottom, right)
