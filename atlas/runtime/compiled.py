"""Loops over arrays compiled to machine code."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import torch
from torch import Tensor


def serve(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether loops can work on tensors of this kind: they share their memory as arrays."""
    return device.type == "cpu" and dtype in (torch.float32, torch.float64)


def by_position(maps: Tensor) -> Tensor:
    """Maps ``[B, C, h, w]`` seen as ``[B, h, w, C]``."""
    return maps.detach().permute(0, 2, 3, 1)


def compiled(loop: Callable[..., None]) -> Callable[..., None]:
    """A loop over arrays as machine code, compiled when first called.

    It lets other threads run, and joins products and sums into one rounding, as torch's kernels do.
    What was compiled is kept beside the source, or wherever numba finds room; where it finds none,
    it is compiled anew in every process.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    try:
        made: Callable[..., None] = numba.njit(cache=True, **options)(loop)
    except RuntimeError:  # nowhere to keep it
        made = numba.njit(**options)(loop)
    return made


def in_threads(
    loop: Callable[..., None], count: int, *arguments: object, most: int | None = None
) -> None:
    """Run a loop over so many things in as many threads as torch uses, or at ``most`` so many.

    The last two arguments of the loop are the first of the things and the one after the last.
    """
    threads = max(1, min(torch.get_num_threads(), count, most or count))
    bounds = [count * i // threads for i in range(threads + 1)]
    own, *others = itertools.pairwise(bounds)
    jobs = [_pool(os.getpid(), threads).submit(loop, *arguments, *part) for part in others]
    loop(*arguments, *own)
    for job in jobs:
        job.result()


@functools.cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads that wait for work; a forked process gets its own."""
    return ThreadPoolExecutor(threads)
