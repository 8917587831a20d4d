"""The faces of a layer's units, as documents have them: for the stage, and to verify them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas.data.faces import Face, LayerFaces, UnitFaces
from atlas.data.names import CLASS, Thing
from atlas.data.rounding import rounded
from atlas.evidence import faces
from atlas.evidence.faces import FACE, Usual

SETS, FEWEST_SETS = 24, 4  # sets of images that show one thing
MOSTLY = 0.5  # of a face shows what it is called for
CLASSES, NEIGHBOURS = "one class each", "neighbours by these features"


@dataclass(frozen=True)
class Shown:
    """What is known of the images that peaks are of.

    ``directions`` ``[N, D]`` are their features; ``rows`` those of them of which it is known what
    they show, ``labels`` ``[len(rows), C]`` of ``things``.
    """

    images: np.ndarray
    directions: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    things: Sequence[Thing]


def usual_of(shown: Shown) -> tuple[Usual | None, str]:
    """What images of one thing come to, and what that thing is."""
    few = len(faces.strongest(np.ones(len(shown.images))))
    sets = [
        shown.rows[shown.labels[:, place]][:few]
        for place, thing in enumerate(shown.things)
        if thing.kind == CLASS and thing.count >= 2 * FACE
    ]
    if len(sets) >= FEWEST_SETS:
        return faces.usual(shown.directions, sets), CLASSES
    unit, count = shown.directions, len(shown.images)
    some = [place * count // SETS for place in range(min(SETS, count))]
    near = [np.argsort(-(unit @ unit[row]), kind="stable")[:few] for row in some]
    return faces.usual(unit, near), NEIGHBOURS


def faced(
    peaks: np.ndarray, units: Sequence[int], shown: Shown, usual: Usual | None, of: str
) -> LayerFaces:
    """What the strongest images of some units come to, by the layer's peaks ``[N, U]``."""
    found = {unit: faces.faces(peaks[:, unit], shown.directions, usual) for unit in units}
    means = np.stack([
        shown.directions[one.images].mean(0) if one else np.zeros(shown.directions.shape[1])
        for one in found.values()
    ])  # fmt: skip
    largest, which = faces.redundancy(means)
    each = []
    for place, (unit, one) in enumerate(found.items()):
        if one is None:
            each.append(UnitFaces(unit, int((peaks[:, unit] > 0).sum())))
            continue
        nearest = units[int(which[place])]
        alone = nearest == unit
        each.append(
            UnitFaces(
                unit,
                len(one.images),
                clarity=rounded(one.clarity),
                apart=rounded(one.parted.apart),
                redundancy=None if alone else rounded(largest[place]),
                nearest=None if alone else nearest,
                faces=_faces(one, shown) if one.two else (),
            )
        )
    known = usual or Usual(0, 0, 0)
    return LayerFaces(rounded(known.clarity), rounded(known.apart), known.sets, of, tuple(each))


def _faces(found: faces.Faces, shown: Shown) -> tuple[Face, ...]:
    parts = found.images[found.parted.first], found.images[~found.parted.first]
    place = np.full(len(shown.images), -1)
    place[shown.rows] = np.arange(len(shown.rows))
    known = [place[part][place[part] >= 0] for part in parts]
    return tuple(
        Face(
            tuple(int(shown.images[row]) for row in part[:FACE]),
            len(part),
            *_called(shown, own),
            rounded(clear),
        )
        for part, own, clear in zip(parts, known, found.parted.clarities, strict=True)
    )


def _called(shown: Shown, rows: np.ndarray) -> tuple[str, float]:
    """What most images of a face show, and of all images the fewest; "" and 0 for nothing."""
    if not len(rows) or not shown.things:
        return "", 0.0
    shares = shown.labels[rows].mean(0)
    best = int(np.argmax(np.where(shares >= MOSTLY, shares - shown.labels.mean(0), -1)))
    if shares[best] < MOSTLY:
        return "", 0.0
    return shown.things[best].name, rounded(shares[best])
