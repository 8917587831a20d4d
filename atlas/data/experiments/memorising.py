"""What the experiment on learning by heart writes."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.experiments.outcomes import Outcome, document_name, picture_file
from atlas.data.records import Plate

NAME = "memorising"


class Match(Struct, frozen=True):
    """A unit of the network, the unit of the other that is its match, and their correlation."""

    unit: int
    other: int
    correlation: float


class Likeness(Struct, frozen=True):
    """How alike a layer of two networks is.

    ``matched`` is the mean correlation of matched units, ``cka`` linear CKA.
    """

    matched: float
    cka: float


class LayerLikeness(Struct, frozen=True):
    """A layer of the network beside that of the one that learnt by heart.

    ``heart`` is how alike they are; ``shuffled`` the same where each looks at other images;
    ``untrained`` how alike the network is to one with random weights. ``pairs`` are all matches, in
    the order of the network's units. ``shown`` are those that stand on the page, the most alike
    first and then the least alike, and ``plate`` is how the plates of the other's units are made.
    """

    layer: str
    heart: Likeness
    shuffled: Likeness
    untrained: Likeness
    pairs: tuple[Match, ...]
    shown: tuple[Match, ...] = ()
    plate: Plate | None = None


class Accuracies(Struct, frozen=True):
    """Shares of images whose highest score is their class.

    ``network`` and ``heart`` are of the images of this atlas; ``learnt`` is the share of its
    training images to which the other network gives the label that it was taught, and ``fresh`` its
    share of fresh images, as its training recorded them.
    """

    network: float
    heart: float
    learnt: float
    fresh: float


class Memorising(Struct, frozen=True):
    """A network beside one of the same architecture that learnt permuted labels by heart.

    ``images`` were looked at, at up to ``places`` places of each map. ``trained_on`` counts the
    images that the other was trained on, ``command`` is what trained it.
    """

    images: int
    places: int
    classes: int
    accuracies: Accuracies
    trained_on: int
    epochs: int
    command: str
    layers: tuple[LayerLikeness, ...]


MEMORISING = Document(document_name(NAME), Outcome[Memorising])


def plate_file(layer: str, other: int) -> str:
    """The plate of a unit of the other network, in the atlas's folder."""
    return picture_file(NAME, f"{layer.replace('/', '.')}-{other}.webp")
