"""Which positions of its input an operation's outputs depend on, found by asking it.

Not a number (NaN) spreads to all that is computed from it. So a NaN is put in one place after
another, and where it comes out is noted: whatever an operation is called and however it is
written, this tells its receptive field, exactly and for every position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Reach = tuple[tuple[int, ...], ...]


def probe(
    function: Callable[[Tensor], Tensor], value: Tensor, dim: int
) -> tuple[int, Reach] | None:
    """Follow the positions along one dimension of an operation's input to its output.

    ``value`` is an input of one image, ``[1, ...]``. Returns the dimension of the output that
    stands for the same axis, and for each position there the positions of the input that it
    depends on. None if there is no such dimension, so that any output may depend on any position.
    """
    length = value.shape[dim]
    if length == 1:
        shape = function(value).shape
        same = len(shape) == value.dim() and shape[dim] == 1
        return (dim, ((0,),)) if same else None
    identity = _identity(function, value, dim)
    if identity is not None:
        return identity, tuple((place,) for place in range(length))
    seen = [_spread(function, value, dim, [place]) for place in range(length)]
    some = next((spread for spread in seen if spread is not None), None)
    if some is None:
        return None
    nowhere = [torch.zeros_like(marks) for marks in some]  # a position that nothing sees
    # for each dimension of the output: [input position, output position]
    tables = [torch.stack(table) for table in zip(*(s or nowhere for s in seen), strict=True)]
    used = torch.tensor([spread is not None for spread in seen], device=value.device)
    representative = [d for d, table in enumerate(tables) if not table[used].all()]
    if len(representative) != 1:
        return None
    table = tables[representative[0]]
    reach = tuple(tuple(column.nonzero().flatten().tolist()) for column in table.T)
    return representative[0] + 1, reach


def depends(function: Callable[[Tensor], Tensor], value: Tensor) -> bool:
    """Whether an operation uses the numbers of its input, and not only their shape."""
    if not value.is_floating_point():
        return True
    before = function(value)
    if before.is_floating_point() and function(torch.full_like(value, float("nan"))).isnan().any():
        return True
    generator = torch.Generator().manual_seed(0)  # an operation that hides NaN
    other = torch.randn(value.shape, generator=generator).to(value)
    return not torch.equal(function(other), before)


def window_of(reach: Reach, inputs: int) -> tuple[int, int, int] | None:
    """Kernel, stride and padding, if the positions depend on what a sliding window covers."""
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


def _identity(function: Callable[[Tensor], Tensor], value: Tensor, dim: int) -> int | None:
    """The output's dimension in which each position depends on the same position only.

    Every bit of a position's number is tested at 0 and at 1, so any two positions are told apart.
    """
    length = value.shape[dim]
    candidates: set[int] | None = None
    for places in _halves(length):
        spread = _spread(function, value, dim, places)
        if spread is None:
            return None
        expected = torch.zeros(length, dtype=torch.bool, device=value.device)
        expected[places] = True
        found = {d + 1 for d, marks in enumerate(spread) if torch.equal(marks, expected)}
        candidates = found if candidates is None else candidates & found
        if not candidates:
            return None
    return min(candidates) if candidates and len(candidates) == 1 else None


def _halves(length: int) -> Iterator[list[int]]:
    for bit in range((length - 1).bit_length()):
        for wanted in (0, 1):
            yield [place for place in range(length) if place >> bit & 1 == wanted]


def _spread(
    function: Callable[[Tensor], Tensor], value: Tensor, dim: int, places: list[int]
) -> list[Tensor] | None:
    """Where NaN at these places comes out, marked along each dimension of the output but the first.

    None if it comes out nowhere: the operation ignores its input, or hides what it does with it.
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
