"""Loops over arrays compiled to machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import torch


def serve(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether loops can work on tensors of this kind: they share their memory as arrays."""
    return device.type == "cpu" and dtype in (torch.float32, torch.float64)


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
