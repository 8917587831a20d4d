"""Loops over arrays, compiled to machine code by numba; no other module imports it."""

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

NUMBA_VERSION: str = numba.__version__


def supports_loops(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether loops can work on such tensors: those that share their memory with NumPy arrays."""
    return device.type == "cpu" and dtype in (torch.float32, torch.float64)


def by_position(maps: Tensor) -> Tensor:
    """A view ``[B, h, w, C]`` of feature maps ``[B, C, h, w]``."""
    return maps.detach().permute(0, 2, 3, 1)


def compiled(loop: Callable[..., None]) -> Callable[..., None]:
    """A loop over arrays as machine code, compiled when it is first called.

    The loop lets other threads run. It rounds a product and a sum once, as torch's kernels do.
    Numba caches the machine code beside the source or in a folder of its own; where neither can be
    written, every process compiles the loop again.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    try:
        made: Callable[..., None] = numba.njit(cache=True, **options)(loop)
    except RuntimeError:  # no folder for the cache
        made = numba.njit(**options)(loop)
    return made


def in_threads(
    loop: Callable[..., None], count: int, *arguments: object, most: int | None = None
) -> None:
    """Run a loop over ``count`` items in as many threads as torch uses, ``most`` at most.

    Each thread calls ``loop(*arguments, first, end)`` for the items from ``first`` up to ``end``.
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
    """A pool of threads; a forked process gets its own."""
    return ThreadPoolExecutor(threads)
