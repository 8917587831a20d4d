"""A machine's answers on a layer's units, as documents have them: for the stage, and to verify."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlas.data.rounding import rounded
from atlas.data.telling import ASKED, LayerTelling, Question, UnitTelling
from atlas.drawing import sheets
from atlas.evidence import telling
from atlas.evidence.peaks import LayerPeaks
from atlas.experiments.subjects import spread

SIDE = 16  # pixels of an image as it is compared by its pixels


def pixels_of(stimuli: np.ndarray) -> np.ndarray:
    """Images ``[N, H, W, C]`` uint8 as they are compared by their pixels: ``[N, D]`` uint8."""
    return np.stack([sheets.small(one, SIDE).ravel() for one in stimuli])


def told(
    peaks: LayerPeaks, units: Sequence[int], own: Sequence[np.ndarray], twin: Sequence[np.ndarray]
) -> LayerTelling:
    """The answers on some units of a layer.

    ``own`` are what its images are compared by: directions of the network's features, and of
    pixels; ``twin`` those of the images that the twin looked at.
    """
    found = telling.shares(peaks.own, own)
    others = telling.shares(peaks.twin, twin)
    asked = others[~np.isnan(others[:, 0])]
    by_features, by_pixels = map(rounded, asked.mean(0)) if len(asked) else (None, None)
    return LayerTelling(
        telling.TASKS,
        by_features,
        by_pixels,
        tuple(
            UnitTelling(unit, *(None if np.isnan(one) else rounded(one) for one in found[unit]))
            for unit in units
        ),
    )


def asked(
    peaks: LayerPeaks, units: Sequence[int], images: np.ndarray, features: np.ndarray
) -> tuple[Question, ...]:
    """The first question on some of the units, spread evenly over those that can be asked about.

    ``images`` are the indices of those that peaks and directions of ``features`` are of.
    """
    known = {unit: telling.tasks_of(peaks.own[:, unit], unit, fewest=1) for unit in units}
    askable = [(unit, tasks) for unit, tasks in known.items() if tasks]
    return tuple(
        Question(
            unit,
            tuple(images[tasks.least].tolist()),
            int(images[tasks.strong[0]]),
            int(images[tasks.weak[0]]),
            bool(telling.margins(tasks, features)[0] > 0),
        )
        for unit, tasks in spread(askable, ASKED)
    )
