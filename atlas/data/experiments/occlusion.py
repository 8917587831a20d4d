"""What the experiment that slides a grey square over images writes."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.experiments.outcomes import Outcome, Subject, document_name
from atlas.data.records import Pair

MOST = 8  # images, however many somebody asks for

Grid = tuple[tuple[float, ...], ...]  # a figure for each place of the square, row by row
Marks = tuple[tuple[int, ...], ...]  # a whole number for each place


class Square(Struct, frozen=True):
    """A grey square and its places: the middles of cells that fill the input frame.

    ``side`` and ``stride``, the side of a cell, are in pixels, ``frame`` (height, width), too. At
    the border the square is cut. ``colour`` has the levels of each channel, from 0 to 255.
    """

    side: int
    stride: int
    frame: Pair
    colour: tuple[int, ...]

    @property
    def places(self) -> Pair:
        """The rows and columns of places."""
        return -(-self.frame[0] // self.stride), -(-self.frame[1] // self.stride)

    def centre(self, row: int, column: int) -> Pair:
        """The pixel in the middle of the square at a place; never beyond the frame."""
        half = self.stride // 2
        down, right = row * self.stride + half, column * self.stride + half
        return min(down, self.frame[0] - 1), min(right, self.frame[1] - 1)

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """What the square covers at a place: top, left, bottom, right, half-open."""
        (down, right), half = self.centre(row, column), self.side // 2
        top, left = down - half, right - half
        bottom, end = top + self.side, left + self.side
        return max(0, top), max(0, left), min(self.frame[0], bottom), min(self.frame[1], end)


class Scored(Struct, frozen=True):
    """What the network's scores do under the square.

    ``watched`` is a class's place among the scores: the image's own class if it is known, and else
    the one that the network names. ``whole`` is its probability for the whole image, ``map`` at
    each place; ``named`` is the most probable class for the whole image, ``best`` at each place.
    """

    watched: int
    whole: float
    map: Grid
    named: int
    best: Marks


class Occluded(Struct, frozen=True):
    """An image under the square.

    ``unit`` has the strongest activation of the layer, at ``position``; ``whole`` is the sum of its
    map for the whole image, ``map`` at each place. ``covered`` is the share of the energy of its
    reconstruction (its sum of squares) that the square covers. ``inside`` is 1 where the square's
    middle lies on ``object``, and None without masks. ``scored`` is None without scores.
    """

    subject: Subject
    unit: int
    position: Pair
    activation: float
    whole: float
    map: Grid
    covered: Grid
    scored: Scored | None
    object: str
    inside: Marks | None


class Occlusion(Struct, frozen=True):
    """Images under a grey square.

    ``layer`` is the last one whose maps have more than one place; ``classes`` names those that the
    images speak of, by their places among the scores.
    """

    layer: str
    square: Square
    classes: dict[int, str]
    images: tuple[Occluded, ...]


OCCLUSION = Document(document_name("occlusion"), Outcome[Occlusion])


def stimulus_picture(image: int) -> str:
    """The file of an image, among the experiment's pictures."""
    return f"{image}.webp"


def reconstruction_picture(image: int) -> str:
    """The file of what the strongest map of an image shows, among the experiment's pictures."""
    return f"{image}-map.webp"
