"""What units of a layer reach by chance, corrected for how many there are.

A unit that few images excite reaches more by chance than others do. So each unit's figure is told
in parts of what it comes to by chance in the mean, and of each draw the largest such quotient of
the layer counts (after Westfall & Young 1993).
"""

from __future__ import annotations

import numpy as np


def usual_and_largest(drawn: np.ndarray, least: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A unit's mean by chance, ``[U]``, and of each draw the largest quotient of any unit, ``[D]``.

    ``drawn`` ``[D, U]`` are the figures by chance; one below ``least`` counts as none.
    """
    usual = np.maximum(drawn.mean(0), 1e-9)
    return usual, np.where(drawn >= least, drawn / usual, 0).max(1, initial=0)
