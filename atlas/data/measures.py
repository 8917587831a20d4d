"""The measures that reconstructions are tried by, in the order pages show them.

To add one: a row here; its words in ``atlas.site.measure_words``; the function that takes it in
``atlas.evidence.measures``, over B reconstructions, ``[B]``; its call in ``atlas.evidence.trials``,
where a reconstruction that wasn't tried keeps NaN. Its figures then stand in each unit's data under
its name (no document's schema changes), and in the tables on pages. A measure that describes a
picture and tries nothing belongs here, too: ``--evidence none`` leaves all of them out.
"""

from __future__ import annotations

from dataclasses import dataclass

from atlas.data.records import Figures


@dataclass(frozen=True)
class Measure:
    """A measure of a reconstruction.

    One ``of_picture`` needs something to be drawn: it has no figure where a reconstruction is zero
    everywhere.
    """

    name: str
    of_picture: bool = False


MEASURES = (
    Measure("ssim", of_picture=True),
    Measure("rank", of_picture=True),
    Measure("kept"),
    Measure("kept_elsewhere"),
    Measure("lost"),
    Measure("lost_elsewhere"),
    Measure("own", of_picture=True),
)


def mean(figures: Figures) -> float | None:
    """The mean of the figures that there are; None if there is none."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) / len(known) if known else None
