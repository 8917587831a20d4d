"""A network's numbers as scripts: a page from a stick can load nothing else."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence

import numpy as np

PART = 768_000  # bytes of numbers in a script, which is a third longer


def packed(tensors: Sequence[np.ndarray], *, half: bool) -> bytes:
    """Tensors one after another: filters in half precision if asked for, all else in float32.

    Each begins at a multiple of four bytes, little-endian.
    """
    pieces = []
    for tensor in tensors:
        kind = "<f2" if half and tensor.ndim == 4 else "<f4"
        content = np.ascontiguousarray(tensor, kind).tobytes()
        pieces.append(content + bytes(-len(content) % 4))
    return b"".join(pieces)


def packed_size(sizes: Sequence[tuple[int, ...]], *, half: bool) -> int:
    """How many bytes ``packed`` makes of tensors of these sizes."""
    return sum(
        -(-math.prod(size) * (2 if half and len(size) == 4 else 4) // 4) * 4 for size in sizes
    )


def scripts(content: bytes) -> Iterator[str]:
    """Scripts that hand the content over in order, as base64."""
    for number, first in enumerate(range(0, len(content), PART)):
        yield _script(number, base64.b64encode(content[first : first + PART]).decode())


def scripts_size(size: int) -> int:
    """How many bytes ``scripts`` makes of so many."""
    return sum(
        len(_script(number, "")) + 4 * -(-min(PART, size - first) // 3)
        for number, first in enumerate(range(0, size, PART))
    )


def _script(number: int, text: str) -> str:
    return f'atlasLive.part({number},"{text}");\n'


def half_error(tensors: Sequence[np.ndarray]) -> float:
    """The largest error of half precision, as a share of the largest number of its filter."""
    worst = 0.0
    for tensor in tensors:
        if tensor.ndim == 4 and tensor.size:
            rounded = tensor.astype(np.float16).astype(np.float32)
            largest = np.abs(tensor).max()
            if largest:
                worst = max(worst, float(np.abs(rounded - tensor).max() / largest))
    return worst
