"""What pages call the measures of reconstructions; a row for each of ``atlas.data.measures``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MeasureWords:
    """A measure in words.

    ``text`` heads its row in a table, ``head`` its column; a ``baseline`` is the name of a measure
    that stands in the same column and has no head of its own. An arrow says which way is good.
    ``order`` names the sorting of a layer's units by it, "" where there is none. A share is shown
    in percent.
    """

    name: str
    text: str
    head: str
    order: str = ""
    is_share: bool = False
    baseline: str = ""


MEASURE_WORDS = (
    MeasureWords(
        "ssim",
        "Likeness to the control's picture (SSIM)",
        "like the control ↓",
        order="by likeness to the control",
    ),
    MeasureWords(
        "rank",
        "Drawn in the same places as by the control (rank correlation)",
        "in the control's places ↓",
    ),
    MeasureWords(
        "kept",
        "Activation kept when only the marked fifth stays sharp",
        "kept ↑",
        order="by what its marks keep",
        is_share=True,
        baseline="kept_elsewhere",
    ),
    MeasureWords(
        "kept_elsewhere",
        "Baseline: a mask of the same shape elsewhere",
        "",
        is_share=True,
    ),
    MeasureWords(
        "lost",
        "Activation lost when the marked fifth is blurred",
        "lost ↑",
        order="by what its marks lose",
        is_share=True,
        baseline="lost_elsewhere",
    ),
    MeasureWords(
        "lost_elsewhere",
        "Baseline: a mask of the same shape elsewhere",
        "",
        is_share=True,
    ),
    MeasureWords(
        "own",
        "Share unique to this unit",
        "unique to the unit ↑",
        order="by what is unique to it",
        is_share=True,
    ),
)

WORDS_OF = {words.name: words for words in MEASURE_WORDS}
