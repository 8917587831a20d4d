"""What is known of names: the things that images show, and the form that each unit follows."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.numbered import find

PERMUTED = 19  # permutations of the labels that p is told from
CLASS, GROUP, CONCEPT = "class", "group", "concept"
AND, OR, NOT = "and", "or", "and not"  # how things are joined


class Thing(Struct, frozen=True):
    """Something that ``count`` images show: a class, a group of classes, or a concept with masks.

    ``also`` names others that nearly the same images show, so that no unit tells them apart.
    """

    name: str
    kind: str
    count: int
    also: tuple[str, ...] = ()


class Things(Struct, frozen=True):
    """All things of an atlas, and the images that they are known of; a ``reason`` where none are.

    Which of these images show which thing stands in ``things.npz``: ``rows`` are the images' places
    among those of ``peaks.npz``, ``labels`` ``[things, images]`` as packed bits.
    """

    images: int
    things: tuple[Thing, ...]
    reason: str = ""


class Fall(Struct, frozen=True):
    """A score, and its means where labels were taken away or added at random.

    ``surely`` is the smaller share of the draws of either kind in which it fell.
    """

    score: float
    missing: float
    extra: float
    surely: float


class UnitName(Struct, frozen=True, omit_defaults=True):
    """The form that a unit follows best, and what speaks for it; see ``atlas.evidence.naming``.

    ``terms`` are (how it is joined, the thing's number); the first is joined by "and". There are
    none where the unit is the same for all images. ``doubt`` is why it is no name, "" if it is one.
    ``iou`` is the overlap of areas with a form that is one concept, where that is known;
    ``rivals`` are the next best forms and their correlations.
    """

    unit: int
    terms: tuple[tuple[str, int], ...]
    words: str
    doubt: str
    size: int = 0
    auc: float = 0.5
    p: float = 1.0
    steady: float = 0.0
    pearson: Fall = Fall(0, 0, 0, 0)
    auprc: float = 0.0
    lift: Fall = Fall(0, 0, 0, 0)
    iou: float | None = None
    rivals: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        """What the unit is called; "" where doubt is left."""
        return "" if self.doubt else self.words


class LayerNames(Struct, frozen=True):
    """The forms of a layer's units that are shown; ``twin`` is what they have to be beyond."""

    images: int
    twin: float
    units: tuple[UnitName, ...]

    def of(self, number: int) -> UnitName | None:
        """A unit's, by its number."""
        return find(self.units, number)


THINGS = Document("things", Things)
NAMES = Document("names", LayerNames)


def words(terms: Sequence[tuple[str, int]], things: Sequence[Thing]) -> str:
    """A form in words."""
    said = ""
    for joint, number in terms:
        said += f" {joint} {things[number].name}" if said else things[number].name
    return said
