"""Devices with a memory of their own, and copies to them that nobody waits for."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor


def is_apart(device: torch.device) -> bool:
    """Whether a device has a memory of its own, as a GPU has and a CPU has not."""
    return device.type not in ("cpu", "mps")  # the latter shares the CPU's


def uploaded(array: np.ndarray, device: torch.device) -> Tensor:
    """A copy of an array on a device.

    To a memory of its own it is copied from pinned memory, and the program goes on meanwhile.
    """
    if not is_apart(device):
        return torch.tensor(array, device=device)
    return torch.from_numpy(np.ascontiguousarray(array)).pin_memory().to(device, non_blocking=True)


@functools.lru_cache(maxsize=64)
def constant(values: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """A few numbers on a device, copied there once; nobody may change them."""
    return torch.tensor(values, dtype=dtype, device=device)
