"""A network's numbers as scripts: a page from a stick can load nothing else."""

from __future__ import annotations

import base64
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


def scripts(content: bytes) -> Iterator[str]:
    """Scripts that hand the content over in order, as base64."""
    for number, first in enumerate(range(0, len(content), PART)):
        text = base64.b64encode(content[first : first + PART]).decode()
        yield f'atlasLive.part({number},"{text}");\n'


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
