"""Keeping memory in the process that would be given back and asked for again."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_freed_memory() -> bool:
    """Let glibc keep what large tensors free, instead of returning it to the system each time.

    A pass over images frees and takes the same sizes again and again; each time the system would
    hand out zeroed pages one by one. Returns whether this C library knows how.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return False
    limit = ctypes.c_int(2**31 - 1)
    return bool(mallopt(_MMAP_THRESHOLD, limit) and mallopt(_TRIM_THRESHOLD, limit))
