"""The figures of a unit's reconstructions, as documents have them."""

from __future__ import annotations

import numpy as np

from atlas.data.measures import MEASURES
from atlas.data.records import Evidence


def evidence_of(figures: np.ndarray) -> Evidence | None:
    """The figures of a unit's reconstructions, ``[nine, measures]``, NaN where not tried."""
    if not figures.shape[1]:
        return None
    return {
        measure.name: tuple(
            round(float(figure), 3) if np.isfinite(figure) else None for figure in column
        )
        for measure, column in zip(MEASURES, figures.T, strict=True)
    }
