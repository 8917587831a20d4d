"""The positions of its input that an operation's outputs depend on, measured with NaN.

NaN (not a number) spreads to everything that is computed from it. So NaN is put at one position of
the input after another, and the positions of the output that turn NaN depend on it. This gives the
receptive field of any operation, whatever its name and code, exactly and for every position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Reach = tuple[tuple[int, ...], ...]  # for each output position the input positions it depends on


def probe(
    function: Callable[[Tensor], Tensor], value: Tensor, dim: int
) -> tuple[int, Reach] | None:
    """Follow the positions along one dimension of an operation's input to its output.

    ``value`` is the input for one image, ``[1, ...]``. Returns the dimension of the output that
    stands for the same axis, and its ``Reach``. Returns None if there is no such dimension: then
    any output may depend on any position.
    """
    length = value.shape[dim]
    if length == 1:
        shape = function(value).shape
        same = len(shape) == value.dim() and shape[dim] == 1
        return (dim, ((0,),)) if same else None
    same_position = _dimension_kept(function, value, dim)
    if same_position is not None:
        return same_position, tuple((position,) for position in range(length))
    spreads = [_spread(function, value, dim, [position]) for position in range(length)]
    example = next((spread for spread in spreads if spread is not None), None)
    if example is None:
        return None
    nowhere = [torch.zeros_like(marks) for marks in example]  # no output depends on the position
    # for each dimension of the output: [input position, output position]
    tables = [torch.stack(table) for table in zip(*(s or nowhere for s in spreads), strict=True)]
    used = torch.tensor([spread is not None for spread in spreads], device=value.device)
    rows = [table[used] for table in tables]
    candidates = [d for d, row in enumerate(rows) if bool((row != row[:1]).any())]
    if not candidates:  # a single position is used
        candidates = [d for d, row in enumerate(rows) if not row.all()]
    reaches = {d: _reach(tables[d]) for d in candidates}
    if len(reaches) > 1:  # as where rows are moved to channels: a window slides along one
        reaches = {d: reach for d, reach in reaches.items() if window_of(reach, length)}
    if len(reaches) != 1:
        return None
    ((found, reach),) = reaches.items()
    return found + 1, reach


def _reach(table: Tensor) -> Reach:
    """The input positions that each output position depends on; ``table`` is [input, output]."""
    return tuple(tuple(column.nonzero().flatten().tolist()) for column in table.T)


def depends(function: Callable[[Tensor], Tensor], value: Tensor) -> bool:
    """Whether an operation uses the numbers of its input, and not only its shape."""
    if not value.is_floating_point():
        return True
    before = function(value)
    if before.is_floating_point() and function(torch.full_like(value, float("nan"))).isnan().any():
        return True
    generator = torch.Generator().manual_seed(0)  # for an operation that hides NaN
    other = torch.randn(value.shape, generator=generator).to(value)
    return not torch.equal(function(other), before)


def window_of(reach: Reach, inputs: int) -> tuple[int, int, int] | None:
    """Kernel, stride and padding of the sliding window that has this reach; None if none has."""
    kernel = max(len(places) for places in reach)
    full = [o for o, places in enumerate(reach) if len(places) == kernel]
    if kernel == 0:
        return None
    first, last = full[0], full[-1]
    stride = 1
    if last > first:
        stride, rest = divmod(reach[last][0] - reach[first][0], last - first)
        if rest:
            return None
    padding = stride * first - reach[first][0]
    for o, places in enumerate(reach):
        start = stride * o - padding
        if places != tuple(i for i in range(start, start + kernel) if 0 <= i < inputs):
            return None
    return kernel, stride, padding


def _dimension_kept(function: Callable[[Tensor], Tensor], value: Tensor, dim: int) -> int | None:
    """The output's dimension where each position depends on the same position alone, if any.

    NaN is put at all positions whose number has a certain bit, and then at the others, for each
    bit. So any two positions differ in one of the tests.
    """
    length = value.shape[dim]
    candidates: set[int] | None = None
    for places in _halves(length):
        spread = _spread(function, value, dim, places)
        if spread is None:
            return None
        expected = torch.zeros(length, dtype=torch.bool, device=value.device)
        expected[places] = True
        equal = {d + 1 for d, marks in enumerate(spread) if torch.equal(marks, expected)}
        candidates = equal if candidates is None else candidates & equal
        if not candidates:
            return None
    return min(candidates) if candidates and len(candidates) == 1 else None


def _halves(length: int) -> Iterator[list[int]]:
    """The positions whose number has a bit, and those whose number hasn't, for each bit."""
    for bit in range((length - 1).bit_length()):
        for wanted in (0, 1):
            yield [place for place in range(length) if place >> bit & 1 == wanted]


def _spread(
    function: Callable[[Tensor], Tensor], value: Tensor, dim: int, places: list[int]
) -> list[Tensor] | None:
    """The positions that turn NaN, marked along each dimension of the output but the first.

    ``places`` are the positions of the input that are NaN. None if no output turns NaN: then the
    operation ignores these positions, or hides NaN.
    """
    marked = value.clone()
    marked.index_fill_(dim, torch.tensor(places, device=value.device), float("nan"))
    output = function(marked)
    if not output.is_floating_point():
        return None
    hit = output[0].isnan()
    if not hit.any():
        return None
    dims = range(hit.dim())
    return [hit.amax([e for e in dims if e != d]) if hit.dim() > 1 else hit for d in dims]
