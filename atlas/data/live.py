"""The network as the page runs it: a list of steps, and the numbers that these need."""

from __future__ import annotations

from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.records import Pair

LIVE_PICTURES = 12  # of the atlas's images, at most, that the page can show


class Step(Struct, frozen=True, omit_defaults=True):
    """A step of the network: what it does with earlier values, and the shape of what comes out.

    Value 0 is the network's input, and value i what step i gives, counted from 1. ``shape`` is
    (channels, height, width). Windows are (rows, columns); ``before`` and ``after`` count padding.
    ``weight``, ``bias`` and ``factor`` are places among the tensors. ``numbers`` are what a
    function needs besides its input.
    """

    kind: str
    inputs: tuple[int, ...]
    shape: tuple[int, int, int]
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    after: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    weight: int | None = None
    bias: int | None = None
    factor: int | None = None
    function: str = ""
    numbers: tuple[float, ...] = ()


class LiveLayer(Struct, frozen=True):
    """A layer of the atlas: its id, and the value that holds its feature maps."""

    id: str
    value: int


class Program(Struct, frozen=True):
    """A network's steps; ``sizes`` are those of the tensors, ``scores`` is the value of these."""

    input: tuple[int, int, int]
    steps: tuple[Step, ...]
    sizes: tuple[tuple[int, ...], ...]
    layers: tuple[LiveLayer, ...]
    scores: int | None


class Golden(Struct, frozen=True):
    """The most active place of a layer for the golden input: what the page must find there."""

    layer: str
    unit: int
    row: int
    column: int
    value: float


class Live(Struct, frozen=True):
    """A network that a page can run.

    ``parts`` counts the scripts that its numbers are cut into, ``size`` their bytes. ``half`` says
    whether filters are in half precision. ``macs`` are the multiplications of a forward pass.
    ``golden`` is what the network gives for the golden input, and ``energy`` the root mean square
    of the reconstruction of the last layer's, in units of the network's input. ``pictures`` are
    images of the atlas that the page can show, ``(index, class)``. ``classes`` are those that the
    network scores, if they are known.
    """

    program: Program
    parts: int
    size: int
    half: bool
    macs: int
    golden: tuple[Golden, ...]
    energy: float
    pictures: tuple[tuple[int, str], ...]
    classes: tuple[str, ...] = ()


class LiveFacts(Struct, frozen=True):
    """The network for the page; None, and the reason, where there is none."""

    live: Live | None
    reason: str = ""


LIVE = Document("live", LiveFacts)
