"""What the experiment on dreams writes."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.experiments.outcomes import Outcome, Subject, document_name


class RisenUnit(Struct, frozen=True):
    """A unit of the dreaming layer that is in the dream more than in the image.

    ``before`` and ``after`` are the means of its squared activations over each.
    """

    unit: int
    before: float
    after: float


class Dream(Struct, frozen=True):
    """What a layer made of an image: the picture, and how far the layer's energy rose.

    ``energy`` is the mean of the squared activations, over units and positions of tiles that cover
    the picture: of the image at the dream's size, and of the dream. ``units`` are those whose own
    mean rose most, the first the most.
    """

    layer: str
    picture: str
    energy: tuple[float, float]
    units: tuple[RisenUnit, ...]


class Dreamer(Struct, frozen=True):
    """An image, as it was looked at, and what each layer made of it."""

    subject: Subject
    picture: str
    dreams: tuple[Dream, ...]


class Dreaming(Struct, frozen=True):
    """Dreams of some images by some layers.

    ``sizes`` are height and width of the picture at each octave, in pixels; ``steps`` how many
    steps of gradient ascent were taken at each, ``step`` how many levels of 255 a pixel went in a
    step, in the mean.
    """

    layers: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    steps: int
    step: float
    subjects: tuple[Dreamer, ...]


DREAMING = Document(document_name("dreaming"), Outcome[Dreaming])
