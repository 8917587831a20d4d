"""Would a person tell: a machine's answers to the question that the nine pose.

Two images are shown beside the nine that excite a unit most and the nine that excite it least:
which of the two excites it more (Borowski et al. 2021; Zimmermann et al. 2023, arXiv 2307.05471)?
The machine answers by likeness, as in Klindt et al.'s MachInterp: the image that is more like the
strongest nine and less like the weakest, compared with the other, is the answer. No scale of the
likeness matters. The strong image of a question comes from the strongest fifth of all images, the
weak one from the weakest, and neither is among the eighteen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHOWN = 9  # images of each kind beside a question
TASKS = 20
FIFTH = 0.2  # of all images from which those of a question come, at either end


@dataclass(frozen=True)
class Tasks:
    """The questions on a unit, in rows of images: ``most`` and ``least`` ``[SHOWN]`` are shown.

    In question k the answer is ``strong[k]``, the other ``weak[k]``; both ``[K]``, at most
    ``TASKS``.
    """

    most: np.ndarray
    least: np.ndarray
    strong: np.ndarray
    weak: np.ndarray


def tasks_of(values: np.ndarray, seed: int, *, fewest: int = TASKS) -> Tasks | None:
    """The questions on a unit, by its peaks ``[N]``; None where images allow no ``fewest``.

    Also where the unit is the same for too many images for a strongest and a weakest fifth to be
    different. Equals come in an order drawn at random.
    """
    dice = np.random.Generator(np.random.Philox(seed))
    mixed = dice.permutation(len(values))
    order = mixed[np.argsort(values[mixed], kind="stable")]
    fifth = int(FIFTH * len(values))
    few = fifth - SHOWN
    if few < fewest or not values[order[-fifth]] > values[order[fifth - 1]]:
        return None
    count = min(few, TASKS)
    weak = order[SHOWN:fifth][dice.choice(few, count, replace=False)]
    strong = order[-fifth:-SHOWN][dice.choice(few, count, replace=False)]
    return Tasks(order[: -SHOWN - 1 : -1], order[:SHOWN], strong, weak)


def margins(tasks: Tasks, unit: np.ndarray) -> np.ndarray:
    """How much more the answer is like the strongest than the other is: ``[TASKS]``.

    ``unit`` ``[N, D]`` are what images are compared by, of length 1. An answer is right where its
    margin is above 0.
    """
    towards = unit[tasks.most].mean(0) - unit[tasks.least].mean(0)
    found: np.ndarray = (unit[tasks.strong] - unit[tasks.weak]) @ towards
    return found


def right(margins_: np.ndarray) -> float:
    """The share of answers that are right; one without a margin is half right."""
    return float(np.mean(margins_ > 0) + np.mean(margins_ == 0) / 2)


def shares(values: np.ndarray, units: Sequence[np.ndarray]) -> np.ndarray:
    """The share of right answers of each unit, by each way to compare images.

    ``values`` ``[N, U]`` are peaks, ``units`` several ``[N, D]``. Returns ``[U, len(units)]``, NaN
    for a unit that can't be asked about.
    """
    found = np.full((values.shape[1], len(units)), np.nan)
    for number, column in enumerate(values.T):
        tasks = tasks_of(column, number)
        if tasks is not None:
            found[number] = [right(margins(tasks, one)) for one in units]
    return found
