"""Keeping freed memory in the process, for the next tensor of the same size."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_freed_memory() -> bool:
    """Let glibc keep the memory of freed tensors instead of returning it to the system.

    A pass over images allocates and frees the same sizes again and again, and each time the system
    would have to provide zeroed pages. Returns whether this C library can do so.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return False
    limit = ctypes.c_int(2**31 - 1)
    return bool(mallopt(_MMAP_THRESHOLD, limit) and mallopt(_TRIM_THRESHOLD, limit))
