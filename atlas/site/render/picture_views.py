"""The views of a page's pictures: what a unit's pairs, or its plates, can show on their left.

The names are the script's and the style sheet's. Whoever looks chooses one for all pages, and the
script remembers it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from atlas.data.records import Plate
from atlas.drawing import lit, pixels


@dataclass(frozen=True)
class PictureView:
    """One view: its name, its words, what it shows in a sentence, and whether it needs a script.

    ``fares`` says how it fares where there is room, "" where nothing was tried.
    """

    name: str
    text: str
    said: str
    scripted: bool = False
    fares: str = ""


@dataclass(frozen=True)
class Lamp:
    """The SVG filter that turns reconstructions into light, as ``atlas.drawing.lit`` defines it.

    ``blur`` is the standard deviation as a share of what is filtered, across and down; ``gain`` is
    that of each of the three channels.
    """

    blur: str
    gain: str = f"{(1 - lit.DARK) * lit.GAIN / 3:.4g}"
    dark: str = f"{lit.DARK:.4g}"


@dataclass(frozen=True)
class PictureViews:
    """The views that a page offers, and the filter for the lit one."""

    offered: tuple[PictureView, ...]
    lamp: Lamp


RECONSTRUCTION = PictureView(
    "reconstruction",
    "Reconstruction",
    "Right, the nine image patches that excite a unit most; left, each activation traced back to "
    "pixels. "
    "Grey is zero.",
)
LIT = PictureView(
    "lit",
    "Lit",
    "Each patch, lit where its reconstruction is far from grey. That shows where, not what.",
    scripted=True,
)
LIT_TRIED = replace(
    LIT,
    said="Lit where the reconstruction is strong: where, not what. A network that learned nothing "
    "may light the same places (see Control).",
)
MARKS = PictureView(
    "marks",
    "Marks",
    "Each patch, sharp in the fifth where its reconstruction is strongest and blurred elsewhere.",
)
CONTROL = PictureView(
    "control",
    "Control",
    "Each reconstruction beside that of a control: the same network with its weights shuffled.",
)

TILE_LAMP = Lamp(f"{lit.BLUR:.4g}")


def of_pairs(
    *, patches: bool, tried: bool, beside: tuple[PictureView, ...] = ()
) -> PictureViews | None:
    """The views of a unit's pairs; None where there is only one.

    ``patches`` is whether they may be shown, ``tried`` whether trials are; ``beside`` are those of
    other rules.
    """
    offered = [RECONSTRUCTION]
    offered += [LIT_TRIED if tried else LIT] if patches else []
    offered += [MARKS] if patches and tried else []
    offered += [CONTROL] if tried else []
    offered += beside
    return PictureViews(tuple(offered), TILE_LAMP) if len(offered) > 1 else None


def of_plates(*, patches: bool) -> PictureViews | None:
    """The views of units' plates; None where they have no patches, which could be lit."""
    return PictureViews((RECONSTRUCTION, LIT), PLATE_LAMP) if patches else None


def plate_lamp(plate: Plate) -> Lamp:
    """The filter for all nine reconstructions of a plate at once, within the plate's whole size."""
    across, down = (
        lit.BLUR * tile / whole
        for tile, whole in zip(reversed(plate.tile), reversed(plate.size), strict=True)
    )
    return Lamp(f"{across:.4g} {down:.4g}")


def half_lamp(plate: Plate) -> Lamp:
    """The filter for all nine reconstructions of a plate at once, within their half of it."""
    across, down = plate.place(0, patch=True)[1] - plate.gutter, plate.size[0]
    return Lamp(f"{lit.BLUR * plate.tile[1] / across:.4g} {lit.BLUR * plate.tile[0] / down:.4g}")


# of plates with other tiles it differs by less than a twentieth
PLATE_LAMP = plate_lamp(pixels.plate_of((pixels.SIDE, pixels.SIDE)))
