"""Work in pieces: shared by all ranks, and kept piece by piece, so that a stopped build goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from atlas.compute.run import Run

P = TypeVar("P")
Arrays = Mapping[str, np.ndarray]


def shared_work(
    run: Run, pieces: Sequence[P], work: Callable[[P], Arrays], *, what: str
) -> list[dict[str, np.ndarray]]:
    """What ``work`` makes of each piece, in order, at rank 0; an empty list at the others.

    Every rank gives the same pieces. The result for a piece must depend on nothing but the piece,
    so that it is the same whichever rank works on it. ``what`` says what is being done. A stage
    that calls this twice gives the second call another ``what``: results are kept under it.
    """
    checkpoint, ranks = run.checkpoint, run.ranks
    start = ranks.share(checkpoint[f"{what} done"] or 0)
    rounds = range(start, len(pieces), ranks.count)
    for first in run.progress(rounds, len(rounds), what):
        own = first + ranks.rank
        result = dict(work(pieces[own])) if own < len(pieces) else {}
        for place, arrays in enumerate(ranks.gather(result), start=first):
            for name, array in arrays.items():
                checkpoint.keep(f"{what} {place} {name}", np.asarray(array))
            checkpoint[f"{what} {place}"] = list(arrays)
        if run.leads:
            checkpoint[f"{what} done"] = first + ranks.count
            checkpoint.commit()
    if not run.leads:
        return []
    return [
        {name: checkpoint.array(f"{what} {place} {name}") for name in checkpoint[f"{what} {place}"]}
        for place in range(len(pieces))
    ]
