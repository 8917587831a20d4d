"""How large an atlas will be: each stage and each kind of page declares its part beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from atlas.data.extras import NAMES
from atlas.data.records import Pair


@dataclass(frozen=True)
class LayerPlan:
    """A layer that will be shown: how many units, and the size of their nominal field in pixels.

    ``scanned`` is how many units it has, 0 where all are shown; ``close_up`` as in ``LayerFacts``;
    ``name`` its id; ``beside`` counts the other rules by which its reconstructions are drawn.
    """

    units: int
    size: Pair
    scanned: int = 0
    close_up: int | None = None
    name: str = ""
    beside: int = 0

    @property
    def shown(self) -> Pair:
        """Height and width of the largest box that a tile shows."""
        return (self.close_up, self.close_up) if self.close_up else self.size


@dataclass(frozen=True)
class Plan:
    """What an atlas will hold.

    ``images`` are scanned, each of ``side`` (height, width) pixels as the network sees it;
    ``classes`` is whether any of their classes has several images, and ``concepts`` whether there
    are masks; ``pictures`` is whether they may be shown, ``evidence`` whether reconstructions are
    tried, and ``kept`` names the extras. ``checkpoints`` counts those of the network from the way
    of its training. ``wants`` says for which units pictures are made, ``curves``
    for which reconstructions are tried at several shares. ``live`` counts the bytes of the scripts
    that hand the network's numbers to the page that runs it, 0 where there is no such page.
    """

    layers: tuple[LayerPlan, ...]
    images: int
    side: Pair
    classes: bool = False
    concepts: bool = False
    pictures: bool = True
    evidence: bool = True
    kept: frozenset[str] = frozenset(NAMES)
    checkpoints: int = 0
    wants: str = "none"
    curves: str = "none"
    live: int = 0

    @property
    def units(self) -> int:
        """How many units will be shown."""
        return sum(layer.units for layer in self.layers)

    @property
    def scanned(self) -> int:
        """How many units are looked at, shown or not."""
        return sum(layer.scanned or layer.units for layer in self.layers)

    @property
    def names(self) -> bool:
        """Whether units are named (as ``Settings.has_names``)."""
        return self.evidence and "names" in self.kept


Estimate = Callable[[Plan], int]  # bytes


def nothing(_: Plan) -> int:
    """The estimate of what takes no room worth mention."""
    return 0
