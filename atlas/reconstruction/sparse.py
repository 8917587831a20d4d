"""The way down where most of a signal is zero: loops that skip the zeros, compiled by numba.

Below an unpooling at most one position in each window holds a signal, and rectifying takes half of
those away. A dense convolution multiplies all of the zeros, faster than these loops multiply, but
not as many times faster as there are more of them. On a CPU only, where tensors share their memory
with the loops.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from atlas.networks.graph import Graph, Node, pair
from atlas.reconstruction.windows import Span, gathered
from atlas.runtime.compiled import by_position, compiled, in_threads, serve

MAX_POOLING = (nn.MaxPool2d, nn.AdaptiveMaxPool2d)


def is_sparse(graph: Graph, node: Node) -> bool:
    """Whether all that can come down to a node came through an unpooling."""
    above = [graph.operations[user] for user in node.users if user in graph.operations]
    return bool(above) and all(
        isinstance(operation.module, MAX_POOLING)
        or (
            (operation.is_pointwise or operation.kind == "concatenation")
            and is_sparse(graph, operation.node)
        )
        for operation in above
    )


def skips_zeros(graph: Graph, node: Node) -> bool:
    """Whether a convolution's way down is worth looking for zeros first."""
    module = graph.operations[node].module
    assert isinstance(module, nn.Conv2d)
    plain = module.groups == 1 and pair(module.dilation) == (1, 1)
    return plain and serve(graph.device, graph.dtype) and is_sparse(graph, node)


def unpooled(
    signal: Tensor, above: Span, below: Span, switches: Tensor, of: Tensor, width: int
) -> Tensor:
    """Signals put where their switches point; those that meet add: ``[B, C, *below.size]``.

    ``signal`` ``[B, C, h, w]`` lies at ``above`` in pooled maps, zero beyond them; what comes of it
    lies at ``below``. ``switches`` ``[N, C, H, W]`` are those of the pooled maps, places in maps
    that are ``width`` wide, counted in row-major order; ``of`` ``[B]`` says which map's.
    """
    if not serve(signal.device, signal.dtype):
        return _scattered(signal, above, below, switches, of, width)
    found = signal.new_zeros((len(signal), *below.size, signal.shape[1]))
    arrays = (
        by_position(signal).contiguous(), by_position(switches), of, above.top, above.left,
        below.top, below.left, found,
    )  # fmt: skip
    in_threads(_unpool, len(signal), *(array.numpy() for array in arrays), width)
    return found.permute(0, 3, 1, 2)


def _scattered(
    signal: Tensor, above: Span, below: Span, switches: Tensor, of: Tensor, width: int
) -> Tensor:
    """The same, on any device."""
    places = gathered(switches, of, above)
    rows = torch.div(places, width, rounding_mode="floor") - below.top[:, None, None, None]
    columns = places % width - below.left[:, None, None, None]
    # where the window lies outside there are no switches, and nothing but zero to add
    at = rows.clamp(0, below.size[0] - 1) * below.size[1] + columns.clamp(0, below.size[1] - 1)
    values = signal.new_zeros((*signal.shape[:2], below.size[0] * below.size[1]))
    return values.scatter_add_(2, at.flatten(2), signal.flatten(2)).unflatten(2, below.size)


def filtered_back(
    module: nn.Conv2d, signal: Tensor, above: Span, below: Span, shape: tuple[int, ...]
) -> Tensor:
    """Signals above a convolution filtered with its transposed filters: ``[B, C, *below.size]``.

    ``signal`` ``[B, C, h, w]`` lies at ``above``, and what comes of it at ``below``, in tensors of
    this ``shape``, beyond which all is zero.
    """
    assert not isinstance(module.padding, str)
    wide = module.weight.shape[1]
    found = signal.new_zeros((len(signal), below.size[0], below.size[1] * wide))
    filters = by_position(module.weight).flatten(1).contiguous()
    arrays = (
        by_position(signal).contiguous(), filters, found,
        above.top, above.left, below.top, below.left,
    )  # fmt: skip
    settings = (module.kernel_size, module.stride, module.padding)
    numbers = (*(n for each in settings for n in pair(each)), shape[1], shape[2])
    in_threads(_filter_back, len(signal), *(array.numpy() for array in arrays), *numbers)
    return found.unflatten(2, (below.size[1], wide)).permute(0, 3, 1, 2)


@compiled
def _unpool(signal, switches, of, top, left, top_below, left_below, found, width, first, last):  # type: ignore[no-untyped-def]
    _, height, across, channels = signal.shape
    share = 1 / width
    for b in range(first, last):
        for y in range(height):
            for x in range(across):
                for c in range(channels):
                    value = signal[b, y, x, c]
                    if value != 0:
                        place = switches[of[b], top[b] + y, left[b] + x, c]
                        row = int((place + 0.5) * share)  # sooner done than by division
                        column = place - row * width
                        found[b, row - top_below[b], column - left_below[b], c] += value


@compiled
def _filter_back(  # type: ignore[no-untyped-def]
    signal, filters, found, top, left, top_below, left_below,
    rows, columns, down, right, above, before, height, width, first, last,
):  # fmt: skip
    """Below a position lie ``filters`` ``[C, rows * columns * O]``, cut off at the borders."""
    channels, size = filters.shape
    wide = size // (rows * columns)
    live = np.empty(channels, np.int64)
    total = np.empty(size, signal.dtype)  # of all channels of a position
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
                for i in range(0, count - 3, 4):  # four at once: the total is read and written once
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
                    into = found[b, row - top_below[b] + k, at + begin : at + end]
                    part = total[k * columns * wide + begin : k * columns * wide + end]
                    for j in range(end - begin):
                        into[j] += part[j]
