"""Backward steps of sparse signals: compiled loops that skip zeros.

Below an unpooling at most one position of each window holds a signal, and rectification removes
about half of those. A dense convolution multiplies the zeros too. These loops multiply more slowly,
but so many fewer numbers that they take less time. They run on a CPU alone, where tensors share
their memory with arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atlas.networks import operations as ops
from atlas.networks.graph import Graph
from atlas.networks.operations import Node
from atlas.reconstruction.windows import Span, gathered
from atlas.runtime.compiled import by_position, compiled, in_threads, supports_loops


def is_sparse(graph: Graph, node: Node) -> bool:
    """Whether every signal that reaches a node from above comes through an unpooling."""
    above = [graph.operations[user] for user in node.users if user in graph.operations]
    return bool(above) and all(
        isinstance(operation, ops.MaxPooling | ops.AdaptiveMaxPooling)
        or (isinstance(operation, _KEEPING) and is_sparse(graph, operation.node))
        for operation in above
    )


# each position of a signal depends on the same position above alone
_KEEPING = (ops.Nonlinearity, ops.BatchNorm, ops.Identity, ops.Concatenation)


def skips_zeros(graph: Graph, convolution: ops.Convolution) -> bool:
    """Whether a convolution's backward step is faster with a loop that skips zeros."""
    plain = convolution.groups == 1 and convolution.window.dilation == (1, 1)
    supported = supports_loops(graph.device, graph.dtype)
    return plain and supported and is_sparse(graph, convolution.node)


@dataclass(frozen=True)
class Switches:
    """The switches of a max pooling for B signals.

    ``places`` ``[N, C, H, W]`` are those of N stimuli: places in the pooling's input, which is
    ``width`` wide, counted in row-major order. ``stimulus`` ``[B]`` is the stimulus of each signal.
    """

    places: Tensor
    stimulus: Tensor
    width: int


def unpooled(signal: Tensor, switches: Switches, *, above: Span, below: Span) -> Tensor:
    """Signals moved to the places of their switches, where they add: ``[B, C, *below.size]``.

    ``signal`` ``[B, C, h, w]`` lies at ``above`` in the pooling's output and is zero beyond it; the
    result lies at ``below`` in the pooling's input.
    """
    if not supports_loops(signal.device, signal.dtype):
        return _scattered(signal, switches, above=above, below=below)
    spread = signal.new_zeros((len(signal), *below.size, signal.shape[1]))
    arrays = (
        by_position(signal).contiguous(), by_position(switches.places), switches.stimulus,
        above.top, above.left, below.top, below.left, spread,
    )  # fmt: skip
    in_threads(_unpool, len(signal), *(array.numpy() for array in arrays), switches.width)
    return spread.permute(0, 3, 1, 2)


def _scattered(signal: Tensor, switches: Switches, *, above: Span, below: Span) -> Tensor:
    """The same as ``unpooled``, on any device."""
    places, width = gathered(switches.places, switches.stimulus, above), switches.width
    rows = torch.div(places, width, rounding_mode="floor") - below.top[:, None, None, None]
    columns = places % width - below.left[:, None, None, None]
    # where the window lies outside there are no switches, and only zeros to add
    at = rows.clamp(0, below.size[0] - 1) * below.size[1] + columns.clamp(0, below.size[1] - 1)
    values = signal.new_zeros((*signal.shape[:2], below.size[0] * below.size[1]))
    return values.scatter_add_(2, at.flatten(2), signal.flatten(2)).unflatten(2, below.size)


def filtered_back(
    weight: Tensor,
    window: ops.Sliding,
    signal: Tensor,
    *,
    above: Span,
    below: Span,
    shape: tuple[int, ...],
) -> Tensor:
    """Signals filtered with a convolution's transposed filters: ``[B, C, *below.size]``.

    ``signal`` ``[B, C, h, w]`` lies at ``above`` in the convolution's output; the result lies at
    ``below`` in the input, which has this ``shape``, and is zero beyond it.
    """
    wide = weight.shape[1]
    spread = signal.new_zeros((len(signal), below.size[0], below.size[1] * wide))
    filters = by_position(weight).flatten(1).contiguous()
    arrays = (
        by_position(signal).contiguous(), filters, spread,
        above.top, above.left, below.top, below.left,
    )  # fmt: skip
    numbers = (*window.kernel, *window.stride, *window.padding, shape[1], shape[2])
    plain = (np.ascontiguousarray(array.numpy()) for array in arrays)  # compiled once
    in_threads(_filter_back, len(signal), *plain, *numbers)
    return spread.unflatten(2, (below.size[1], wide)).permute(0, 3, 1, 2)


@compiled
def _unpool(  # type: ignore[no-untyped-def]
    signal, switches, stimulus, top, left, top_below, left_below, spread, width, first, last,
):  # fmt: skip
    _, height, across, channels = signal.shape
    share = 1 / width
    for b in range(first, last):
        for y in range(height):
            for x in range(across):
                for c in range(channels):
                    value = signal[b, y, x, c]
                    if value != 0:
                        place = switches[stimulus[b], top[b] + y, left[b] + x, c]
                        row = int((place + 0.5) * share)  # faster than a division
                        column = place - row * width
                        spread[b, row - top_below[b], column - left_below[b], c] += value


@compiled
def _filter_back(  # type: ignore[no-untyped-def]
    signal, filters, spread, top, left, top_below, left_below,
    rows, columns, down, right, above, before, height, width, first, last,
):  # fmt: skip
    """A position adds ``filters`` ``[C, rows * columns * O]`` below it, cut off at the borders."""
    channels, size = filters.shape
    wide = size // (rows * columns)
    live = np.empty(channels, np.int64)
    total = np.empty(size, signal.dtype)  # over all channels of a position
    for b in range(first, last):
        for y in range(signal.shape[1]):
            row = (top[b] + y) * down - above
            start, stop = max(0, -row), min(rows, height - row)
            for x in range(signal.shape[2]):
                here, count = signal[b, y, x], 0
                for c in range(channels):
                    if here[c] != 0:
                        live[count] = c
                        count += 1
                if count == 0:
                    continue
                total[:] = 0
                for i in range(0, count - 3, 4):  # four at once, to read and write the total once
                    c0, c1, c2, c3 = live[i], live[i + 1], live[i + 2], live[i + 3]
                    v0, v1, v2, v3 = here[c0], here[c1], here[c2], here[c3]
                    f0, f1, f2, f3 = filters[c0], filters[c1], filters[c2], filters[c3]
                    for j in range(size):
                        total[j] += v0 * f0[j] + v1 * f1[j] + v2 * f2[j] + v3 * f3[j]
                for i in range(count // 4 * 4, count):
                    v0, f0 = here[live[i]], filters[live[i]]
                    for j in range(size):
                        total[j] += v0 * f0[j]
                column = (left[b] + x) * right - before
                begin, end = wide * max(0, -column), wide * min(columns, width - column)
                at = wide * (column - left_below[b])
                for k in range(start, stop):
                    into = spread[b, row - top_below[b] + k, at + begin : at + end]
                    part = total[k * columns * wide + begin : k * columns * wide + end]
                    for j in range(end - begin):
                        into[j] += part[j]
