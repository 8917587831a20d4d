"""Where in its input a network is excited: the part of the frame that one activation looks at.

A unit of a shallow layer sees few pixels, so the network is run on these and a margin, not on the
whole frame. Nothing about operations is taken for granted: the activation is compared with that of
the whole frame, and the whole frame is used where they differ, as behind gates and linear layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atlas.data.geometry import Box
from atlas.networks import operations as ops
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Node
from atlas.networks.receptive_fields import Axis
from atlas.runtime.device_memory import ran_out

MARGIN = 6  # pixels around the field, so that a picture can be moved and turned a little
ALIKE = 1e-3  # of the largest value: activations that differ by less differ by rounding


@dataclass(frozen=True)
class Frame:
    """A part of the input frame, at ``corner`` (top, left) and of ``size``, and a position.

    ``own`` is the position on the maps of the part alone, ``position`` on those of the whole
    frame. ``box`` is the nominal field of the position within the whole frame, clipped to it.
    """

    corner: tuple[int, int]
    size: tuple[int, int]
    own: tuple[int, int]
    position: tuple[int, int]
    box: Box

    @property
    def part(self) -> tuple[slice, slice]:
        """Rows and columns of the box within the part."""
        (top, left), box = self.corner, self.box
        return slice(box.top - top, box.bottom - top), slice(box.left - left, box.right - left)

    def cut(self, pictures: np.ndarray) -> np.ndarray:
        """The box of pictures ``[N, h, w, C]`` of the part."""
        down, across = self.part
        return pictures[:, down, across]


def before(network: Network, layer: Layer) -> Node:
    """The node of a layer's values before the nonlinearity; its activations' where none follows.

    What ascends ascends there, so that a unit that is silent has a gradient, too.
    """
    operation = network.graph.operations[layer.node]
    return operation.inputs[0] if isinstance(operation, ops.Nonlinearity) else layer.node


def frame_of(network: Network, layer: Layer) -> Frame:
    """The part around the middle position of a layer, or the whole frame where no part will do."""
    height, width = network.preprocessing.crop
    axes = (layer.field.rows, layer.field.columns)
    small = _frame(layer, [_around(axis, n) for axis, n in zip(axes, layer.shape[1:], strict=True)])
    if small.size != (height, width) and _computes_the_same(network, layer, small):
        return small
    return _frame(layer, [_whole(axis, n) for axis, n in zip(axes, layer.shape[1:], strict=True)])


Cut = tuple[int, int, int, int]  # first pixel, pixels, own position, position


def _around(axis: Axis, positions: int) -> Cut:
    """The shortest part of an axis that holds a field and its margins, in the middle."""
    if not axis.stride:
        return _whole(axis, positions)
    own = -(-(MARGIN - axis.offset) // axis.stride)
    length = axis.nominal(own)[1] + MARGIN
    # moved by whole strides, so that its positions are positions of the whole
    steps = (axis.extent - length) // (2 * axis.stride)
    if own < 0 or length >= axis.extent or own + steps >= positions:
        return _whole(axis, positions)
    return steps * axis.stride, length, own, own + steps


def _whole(axis: Axis, positions: int) -> Cut:
    return 0, axis.extent, positions // 2, positions // 2


def _frame(layer: Layer, cuts: list[Cut]) -> Frame:
    (top, height, own_row, row), (left, width, own_column, column) = cuts
    box = layer.field.box(row, column)
    rows, columns = layer.field.rows.extent, layer.field.columns.extent
    clipped = Box(max(0, box.top), max(0, box.left), min(rows, box.bottom), min(columns, box.right))
    return Frame((top, left), (height, width), (own_row, own_column), (row, column), clipped)


def _computes_the_same(network: Network, layer: Layer, frame: Frame) -> bool:
    """Whether all units have the same activation on the part as on the whole of a random frame."""
    graph, node = network.graph, before(network, layer)
    dice = torch.Generator().manual_seed(0)
    whole = torch.randn((1, *graph.input_shape), generator=dice).to(graph.device, graph.dtype)
    (top, left), (height, width) = frame.corner, frame.size
    part = whole[:, :, top : top + height, left : left + width].contiguous()

    def at(inputs: Tensor, row: int, column: int) -> Tensor:
        for reached, values in graph.run(inputs, until=node):
            if reached is node:
                return layer.maps(values[node])[0, :, row, column]
        raise LookupError(node.name)

    with torch.inference_mode():
        expected = at(whole, *frame.position)
        try:
            found = at(part, *frame.own)
        except Exception as error:  # whatever the network's code raises on another size of input
            if ran_out(error):
                raise
            return False
    return bool((found - expected).abs().max() <= ALIKE * expected.abs().max())
