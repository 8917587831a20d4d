"""Whether a picture in a file is one that was drawn anew, as far as rounding lets one tell."""

from __future__ import annotations

import numpy as np

ALIKE = 0.9  # the least correlation of pictures that differ by rounding and compression alone


def looks_like(shown: np.ndarray, drawn: np.ndarray, *, crisp: bool) -> bool:
    """Whether two pictures ``[h, w, 3]``, which were compressed alike, are the same.

    ``crisp`` ones are kept without loss.
    """
    if crisp:
        return bool(np.abs(shown - drawn).max() <= 2)
    grey, wanted = shown.mean(2).ravel(), drawn.mean(2).ravel()
    if wanted.std() < 1:
        return bool(np.abs(grey - wanted).mean() < 4)
    return bool(np.corrcoef(grey, wanted)[0, 1] > ALIKE)
