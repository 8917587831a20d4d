"""The receptive fields of every value of a graph, as far as positions can be followed.

Where an operation's window is known, the fields follow from it; where not, they are measured by
probing. Each value has two fields. The true one holds every pixel that can influence it. The field
*with gates held* leaves out what comes through gates alone: channel attention, and response
and group normalisation, look at the whole image in order to scale a map.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from atlas.networks import operations as ops
from atlas.networks import receptive_fields as rf
from atlas.networks.operations import Node, Operation
from atlas.networks.probing import Reach, depends, probe, window_of

Evaluate = Callable[[Node, dict[Node, Tensor]], Tensor]
Dims = tuple[int, int] | None


@dataclass(frozen=True)
class Fields:
    """The receptive fields of a value's rows and columns.

    ``true`` are the true fields and ``held`` those with gates held. ``dims`` are the dimensions of
    the value (counted with the batch) that are rows and columns; None for a value without
    positions.
    """

    true: rf.Axes
    held: rf.Axes
    dims: Dims


class Positions:
    """The fields of the values of a graph, which are added in order of execution.

    ``evaluate`` computes the value of a node from the values before it.
    """

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self._split: dict[Node, Node] = {}  # a value of which positions lie along several
        # dimensions, and the value that it rearranges
        self.of: dict[Node, Fields] = {}

    def add_image(self, node: Node, height: int, width: int) -> None:
        """Add the image itself."""
        axes = rf.pixels(height), rf.pixels(width)
        self.of[node] = Fields(axes, axes, (2, 3))

    def add(self, operation: Operation, values: Mapping[Node, Tensor]) -> None:
        """Add an operation's value; nothing is known of one that doesn't depend on the image."""
        below = [node for node in operation.inputs if node in self.of]
        if isinstance(operation, ops.Derived) and len(below) > 1:  # of some it may use the size
            below = [n for n in below if depends(self._function(operation, n, values), values[n])]
        if not below:
            return
        parts = {node: self._through(operation, node, values) for node in below}
        dims = {part.dims for part in parts.values() if part.dims is not None}
        kept = dims.pop() if len(dims) == 1 else None
        shape = values[operation.node].shape
        true = _joined([part.true for part in parts.values()], kept, shape)
        gate = operation.gate if isinstance(operation, ops.Product) else None
        fed = [part.held for node, part in parts.items() if node is not gate]
        apart = len(fed) < len(parts) or any(p.held is not p.true for p in parts.values())
        held = _joined(fed, kept, shape) if apart and fed else true
        self.of[operation.node] = Fields(true, true if held == true else held, kept)

    def _through(self, operation: Operation, below: Node, values: Mapping[Node, Tensor]) -> Fields:
        """The fields of an operation's value, as far as they come through one input."""
        fields, shape = self.of[below], values[operation.node].shape
        if isinstance(operation, ops.GroupNorm) and fields.dims == (2, 3):
            return _normalised(fields)
        step = self._step(operation, below, values)
        if step is None:
            dims = _single(fields.dims, values[below].dim(), shape)
            return _of_both(fields, dims, lambda axes: _whole_extent([axes]))
        if step.origin is not None:
            fields = self.of[step.origin]
        return _of_both(
            fields,
            step.dims,
            lambda axes: (step.rows(axes[0], shape), step.columns(axes[1], shape)),
        )

    def _step(
        self, operation: Operation, below: Node, values: Mapping[Node, Tensor]
    ) -> _Step | None:
        """What an operation does to the fields of one input; None if it mixes all positions."""
        dims, shape = self.of[below].dims, values[operation.node].shape
        if dims is None:
            origin = self._split.get(below)
            if origin is None or not isinstance(operation, _MOVING):
                return None
            return self._probed(operation, origin, values)
        if dims == (2, 3) and len(shape) == 4:
            known = _known(operation)
            if known:
                return known
        return self._probed(operation, below, values)

    def _probed(
        self, operation: Operation, below: Node, values: Mapping[Node, Tensor]
    ) -> _Step | None:
        """The same, measured. ``below`` may lie several rearrangements below the operation."""
        dims = self.of[below].dims
        assert dims is not None
        function = self._function(operation, below, values)
        rows = probe(function, values[below], dims[0])
        columns = probe(function, values[below], dims[1])
        if rows is None or columns is None or rows[0] == columns[0]:
            if isinstance(operation, _MOVING):
                self._split[operation.node] = below
            return None
        origin = None if below in operation.inputs else below
        return _Step(
            (rows[0], columns[0]),
            lambda axis, _: _reached(axis, rows[1]),
            lambda axis, _: _reached(axis, columns[1]),
            origin,
        )

    def _function(
        self, operation: Operation, below: Node, values: Mapping[Node, Tensor]
    ) -> Callable[[Tensor], Tensor]:
        """An operation as a function of a value below it; its other inputs keep their values."""
        others = {n: values[n] for n in operation.inputs if n in values}
        if below not in operation.inputs:
            others = {}
        return lambda value: self._evaluate(operation.node, {**others, below: value})


def _normalised(fields: Fields) -> Fields:
    """The fields after a norm whose mean and variance are those of whole maps: it is a gate."""

    def seen(axis: rf.Axis) -> rf.Axis:
        return axis if len(axis.true) == 1 else rf.whole(axis, len(axis.true))

    rows, columns = fields.true
    return Fields((seen(rows), seen(columns)), fields.held, fields.dims)


def _single(dims: Dims, count: int, shape: tuple[int, ...]) -> Dims:
    """The dimensions of rows and columns that an operation left with one position each, or None.

    As a mean of all positions may. ``dims`` are those of its input, which has ``count`` dimensions.
    """
    alone = dims is not None and count == len(shape) and all(shape[d] == 1 for d in dims)
    return dims if alone else None


OfAxis = Callable[[rf.Axis, tuple[int, ...]], rf.Axis]


@dataclass(frozen=True)
class _Step:
    """What an operation does to rows and to columns, and the dimensions where these are then.

    ``origin`` is the value whose fields it changes, if that isn't the operation's own input.
    """

    dims: tuple[int, int]
    rows: OfAxis
    columns: OfAxis
    origin: Node | None = None


def _known(operation: Operation) -> _Step | None:
    """The step of an operation on maps ``[N, C, H, W]`` that needs no probing."""
    if isinstance(operation, _SLIDING):
        window = operation.window
        return _Step((2, 3), _sliding(window, 0), _sliding(window, 1))
    if isinstance(operation, ops.AdaptiveMaxPooling | ops.AdaptiveAveragePooling):
        return _Step(
            (2, 3),
            lambda axis, shape: rf.adaptive(axis, shape[2]),
            lambda axis, shape: rf.adaptive(axis, shape[3]),
        )
    along_channels = isinstance(operation, ops.Concatenation) and operation.axis == 1
    if along_channels or isinstance(operation, _IN_PLACE):
        return _Step((2, 3), lambda axis, _: axis, lambda axis, _: axis)
    return None


# every position of their output depends on the same position of their inputs alone
_IN_PLACE = (ops.Nonlinearity, ops.BatchNorm, ops.Identity, ops.Sum, ops.Product)


_SLIDING = (ops.Convolution, ops.MaxPooling, ops.AveragePooling, ops.Padding)
_MOVING = (ops.Rearrangement, ops.Identity)


def _sliding(window: ops.Sliding, i: int) -> OfAxis:
    """The step of a sliding window along rows (``i`` = 0) or columns (1)."""
    return lambda axis, shape: rf.window(
        axis,
        shape[2 + i],
        kernel=window.kernel[i],
        stride=window.stride[i],
        padding=window.padding[i],
        dilation=window.dilation[i],
    )


def _of_both(fields: Fields, dims: Dims, step: Callable[[rf.Axes], rf.Axes]) -> Fields:
    """A step on both fields of a value, which are computed once where they are the same."""
    true = step(fields.true)
    return Fields(true, true if fields.held is fields.true else step(fields.held), dims)


def _joined(parts: list[rf.Axes], dims: Dims, shape: tuple[int, ...]) -> rf.Axes:
    """The fields where several values join in one."""
    if dims is None:
        return _whole_extent(parts)
    rows = [rf.stretched(axes[0], shape[dims[0]]) for axes in parts]
    columns = [rf.stretched(axes[1], shape[dims[1]]) for axes in parts]
    return functools.reduce(rf.union, rows), functools.reduce(rf.union, columns)


def _reached(axis: rf.Axis, reach: Reach) -> rf.Axis:
    """The fields after an operation whose outputs depend on these positions of its input."""
    window = window_of(reach, len(axis.true))
    if window is not None:
        kernel, stride, padding = window
        return rf.window(axis, len(reach), kernel=kernel, stride=stride, padding=padding)
    return rf.gathered(axis, reach)


def _whole_extent(below: list[rf.Axes]) -> rf.Axes:
    """The fields of a value without positions: all that any of its inputs depends on."""
    rows = functools.reduce(rf.union, [rf.whole(axes[0], 1) for axes in below])
    columns = functools.reduce(rf.union, [rf.whole(axes[1], 1) for axes in below])
    return rows, columns
