"""What the experiment on moved, enlarged and turned images writes."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.experiments.outcomes import Outcome, Subject, document_name

TRANSLATION, SCALE, ROTATION = "translation", "scale", "rotation"


class Features(Struct, frozen=True):
    """A feature vector: the layer it is taken from, and of how many ``numbers`` it is.

    Where it is ``read``, it is what the scores are computed from: the layer's maps after what
    stands between, such as a mean over places. Or else it is the maps themselves. ``another`` is
    the mean distance between the vectors of a subject and of another image.
    """

    layer: str
    numbers: int
    read: bool
    another: float


class Curve(Struct, frozen=True):
    """What became of a subject at each amount of a transformation.

    ``first`` and ``last`` are Euclidean distances of the feature vectors from those of the
    untransformed image. ``probability`` is that of the subject's class, and ``given`` the class
    that the network gives, by its place among the scores; both are empty without scores.
    """

    first: tuple[float, ...]
    last: tuple[float, ...]
    probability: tuple[float, ...]
    given: tuple[int, ...]


class Transformation(Struct, frozen=True):
    """A transformation, its amounts, and a curve for each subject.

    Amounts of a translation are pixels downwards, of a scale factors, of a rotation degrees
    anticlockwise. ``shown`` are the places of the amounts that the filmstrip shows.
    """

    name: str
    amounts: tuple[float, ...]
    shown: tuple[int, ...]
    curves: tuple[Curve, ...]


class Untransformed(Struct, frozen=True):
    """A subject as it is: the class that is followed and its probability, and the class given.

    ``followed`` is the true class, or where that isn't known the one that the network gives. All
    are None without scores.
    """

    followed: int | None
    probability: float | None
    given: int | None


class Invariance(Struct, frozen=True):
    """How features and scores change with a transformed image.

    ``side`` is the height and width of the input. ``others`` is how many other images each subject
    was compared with. ``symmetric`` is the place, among the subjects, of the one chosen because
    its picture changes least when turned. ``classes`` names the classes that are mentioned.
    """

    side: tuple[int, int]
    subjects: tuple[Subject, ...]
    untransformed: tuple[Untransformed, ...]
    symmetric: int | None
    others: int
    first: Features
    last: Features
    transformations: tuple[Transformation, ...]
    classes: dict[int, str]


INVARIANCE = Document(document_name("invariance"), Outcome[Invariance])
