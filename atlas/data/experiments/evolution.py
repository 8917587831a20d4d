"""What the experiment on evolution during training writes."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document, PerUnit
from atlas.data.experiments.outcomes import Outcome, document_name, picture_file
from atlas.data.records import Corners, Pair

NAME = "evolution"


class Strongest(Struct, frozen=True):
    """What excites a unit most at some moment of the training.

    ``image`` is the image's index, ``position`` (row, column) in the unit's feature map, and
    ``box`` what the tile shows, in the input frame.
    """

    value: float
    image: int
    name: str
    position: Pair
    box: Corners


class UnitEvolution(Struct, frozen=True):
    """A unit at each moment of the training, the last one at its end.

    ``strongest`` is None where no image excites the unit. ``activations`` are the correlations of
    its activations on all images that were looked at with those at the end. ``likeness`` is the
    cosine of two reconstructions of its last strongest image from the same place, then and at
    the end, 0 where that activation isn't above 0 then. Where no image excites it at the end, both
    are empty.
    """

    unit: int
    strongest: tuple[Strongest | None, ...]
    activations: tuple[float, ...]
    likeness: tuple[float, ...]

    @property
    def ends(self) -> bool:
        """Whether some image excites it at the end."""
        return self.strongest[-1] is not None

    def changed(self, moment: int) -> bool:
        """Whether its strongest image is another one than at the moment before."""
        if not moment:
            return False
        one, other = self.strongest[moment - 1], self.strongest[moment]
        return (one and one.image) != (other and other.image)

    def same(self, moment: int) -> bool:
        """Whether its strongest image is that of the end."""
        one, last = self.strongest[moment], self.strongest[-1]
        return one is not None and last is not None and one.image == last.image


class LayerEvolution(Struct, frozen=True):
    """A layer at each moment, over its ``units`` that some image excites at the end.

    ``same`` is the share whose strongest image is that of the end, and ``changed`` the share in
    which it is another one than at the moment before (0 at the first). ``activations`` and
    ``likeness`` are medians. All are empty without such units. ``tile`` is the height and width of
    a tile on its units' strips, and ``figure`` names the units that stand for it.
    """

    layer: str
    units: int
    tile: Pair
    figure: tuple[int, ...]
    same: tuple[float, ...]
    changed: tuple[float, ...]
    activations: tuple[float, ...]
    likeness: tuple[float, ...]


class Evolution(Struct, frozen=True):
    """A network on the way of its training.

    ``moments`` are the names of the checkpoints, in order, without the end. ``given`` counts the
    checkpoints that were given. ``images`` counts the images that were looked at, of ``of``.
    """

    moments: tuple[str, ...]
    given: int
    images: int
    of: int
    layers: tuple[LayerEvolution, ...]


EVOLUTION = Document(document_name(NAME), Outcome[Evolution])
UNITS = Document(NAME, PerUnit[UnitEvolution])


def strip_file(layer: str, unit: int) -> str:
    """The address, in the atlas's folder, of the strip of a unit's tiles."""
    return picture_file(NAME, f"{layer}/{unit}.webp")
