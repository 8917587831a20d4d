"""What the experiment on images that fool the network writes."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.experiments.outcomes import Outcome, Subject, document_name


class Walk(Struct, frozen=True):
    """What the network says of an image after steps of several sizes in one direction.

    For each step: ``probability`` of the class that the network gives the image itself, and the
    class ``given``.
    """

    probability: tuple[float, ...]
    given: tuple[int, ...]


class ChangedUnit(Struct, frozen=True):
    """A unit whose maximum over the image changed: its value ``before`` and ``after``.

    ``change`` is the difference in standard deviations of its maxima over all images.
    """

    unit: int
    before: float
    after: float
    change: float


class ChangedLayer(Struct, frozen=True):
    """How the units of a layer changed with the step that fools, and with a random one as large.

    ``fooled`` and ``random`` are the means over units of the changes' magnitudes, in the units' own
    standard deviations; ``units`` those that changed most, strongest first.
    """

    layer: str
    fooled: float
    random: float
    units: tuple[ChangedUnit, ...]


class Fooled(Struct, frozen=True):
    """A subject, and what steps away from it do.

    ``given`` is the class that the network gives it, with ``probability``. ``smallest`` is the
    least step by the signs of the gradient, in levels of 255, that changes the class, to ``after``;
    None if none of those tried does. ``gradient`` holds all of them. ``random`` are walks by random
    signs, one for each seed, at the coarser ``steps`` of the experiment. ``changed`` is there for
    each layer where something fools. ``factor`` is what the difference is drawn times.
    """

    subject: Subject
    given: int
    probability: float
    smallest: int | None
    after: int | None
    factor: int
    gradient: Walk
    random: tuple[Walk, ...]
    changed: tuple[ChangedLayer, ...] = ()


class Fooling(Struct, frozen=True):
    """How images are fooled.

    ``gradient_steps`` and ``random_steps`` are the sizes of the steps, in levels of 255.
    ``classes`` names the classes that are mentioned; ``spread`` says whether the units' standard
    deviations are known.
    """

    gradient_steps: tuple[int, ...]
    random_steps: tuple[int, ...]
    subjects: tuple[Fooled, ...]
    classes: dict[int, str]
    spread: bool


FOOLING = Document(document_name("fooling"), Outcome[Fooling])


def smallest(steps: tuple[int, ...], walk: Walk, given: int) -> int | None:
    """The least of the steps after which the class isn't the one given before; None if none."""
    return next((step for step, now in zip(steps, walk.given, strict=True) if now != given), None)
