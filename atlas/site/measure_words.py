"""What pages call the measures of reconstructions; a row for each of ``atlas.data.measures``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MeasureWords:
    """A measure in words.

    ``text`` heads its row in a table, ``head`` its column; ``order`` names the sorting of a layer's
    units by it, "" where there is none. A share is shown in percent.
    """

    name: str
    text: str
    head: str
    order: str = ""
    is_share: bool = False


MEASURE_WORDS = (
    MeasureWords(
        "ssim",
        "Like the control twin's picture (SSIM)",
        "like the twin's picture",
        order="by likeness to the control twin",
    ),
    MeasureWords(
        "rank",
        "Its mass lies where the twin's lies (rank correlation)",
        "mass as the twin's",
    ),
    MeasureWords(
        "kept",
        "Activation left when only the marked fifth stays sharp",
        "kept by its marks",
        order="by what its marks keep",
        is_share=True,
    ),
    MeasureWords(
        "kept_elsewhere",
        "the same, with such marks elsewhere",
        "elsewhere",
        is_share=True,
    ),
    MeasureWords(
        "lost",
        "Activation lost when the marked fifth is blurred",
        "lost with its marks",
        order="by what its marks lose",
        is_share=True,
    ),
    MeasureWords(
        "lost_elsewhere",
        "the same, with such marks elsewhere",
        "elsewhere",
        is_share=True,
    ),
    MeasureWords(
        "own",
        "Of the picture, what the layer's other units don't show",
        "its own",
        order="by what is its own",
        is_share=True,
    ),
)
