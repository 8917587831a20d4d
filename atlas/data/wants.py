"""What the stage on what units want writes: pictures that were made to excite a unit."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.records import Corners, Pair

NONE, REPRESENTATIVE, ALL = "none", "representative", "all"
CHOICES = (ALL, REPRESENTATIVE, NONE)

FOURIER, SECOND, NEGATIVE, PIXELS = "fourier", "second", "negative", "pixels"
MORE = (SECOND, NEGATIVE, PIXELS)  # what is made on request


class Made(Struct, frozen=True):
    """A picture made for a unit: its ``kind``, and what the network makes of it.

    ``reached`` is the activation and ``before`` the value before the nonlinearity, both of the
    picture as it is stored. ``path`` is the mean rank correlation of the units below with those of
    the natural pictures, over these and over the layers below; None where there are none.
    """

    kind: str
    reached: float
    before: float
    path: float | None


class UnitWants(Struct, frozen=True):
    """What a unit wants: its pictures, and what they are compared with.

    ``seed`` is that of their random numbers. ``natural`` is the strongest activation of any image,
    0 for a unit that never fired. ``path`` is as in ``Made``, of its nine with each other, and
    ``chance`` of its nine with images that nobody chose.
    """

    unit: int
    seed: int
    natural: float
    path: float | None
    chance: float | None
    made: tuple[Made, ...]

    @property
    def share(self) -> float | None:
        """The activation reached by the first picture, by the natural maximum; None without one."""
        return self.made[0].reached / self.natural if self.natural > 0 else None

    @property
    def along(self) -> float | None:
        """How much of the way from chance to the nine the first picture's path goes.

        0 for a path like that of any image and 1 for one like those of the nine; None where the
        nine go no way of their own.
        """
        made = self.made[0].path
        if made is None or self.path is None or self.chance is None:
            return None
        return (made - self.chance) / (self.path - self.chance) if self.path > self.chance else None


class Path(Struct, frozen=True):
    """The paths through a layer below: means over units of a layer's rank correlations.

    ``made`` is of the first pictures with the nine, ``natural`` of the nine with each other, and
    ``chance`` of the nine with images that nobody chose.
    """

    layer: str
    made: float | None
    natural: float | None
    chance: float | None


class LayerWants(Struct, frozen=True):
    """What a layer's units want.

    The pictures show ``box`` of the input frame, which a unit at ``position`` sees. ``steps`` is
    how many steps the ascent took, ``frame`` the height and width of what the network was run on.
    """

    position: Pair
    box: Corners
    frame: Pair
    steps: int
    kinds: tuple[str, ...]
    units: tuple[UnitWants, ...]
    below: tuple[Path, ...]

    @property
    def size(self) -> Pair:
        """Height and width of the pictures."""
        return self.box[2] - self.box[0], self.box[3] - self.box[1]

    def find(self, unit: int) -> UnitWants | None:
        """A unit by its number; None if nothing was made for it."""
        return next((one for one in self.units if one.unit == unit), None)


WANTS = Document("wants", LayerWants)


def made_file(layer: str, unit: int, kind: str) -> str:
    """A picture made for a unit, relative to the atlas's folder."""
    return f"{layer}/wants/{unit}.webp" if kind == FOURIER else f"{layer}/wants/{unit}-{kind}.webp"
