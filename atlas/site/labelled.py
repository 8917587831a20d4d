"""The units of all layers that stand for a class or a concept.

They are named after it, or their nine agree on it, or they overlap with it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from atlas.data.records import LayerData, Unit
from atlas.site.phrases import chance_of

UNNAMED = -1.0  # in the place of how well a unit follows its name
CHANCE = 0.01  # that random images would agree on some class as a unit's nine do, at most


@dataclass(frozen=True)
class Labelled:
    """A unit that a label stands for: how strongly, as its place is decided, and in words."""

    unit: Unit
    strength: tuple[float, ...]
    said: str


@dataclass(frozen=True)
class Label:
    """A class or a concept with its units of each layer, the strongest first.

    Layers are in order, and those without any are left out.
    """

    name: str
    layers: Mapping[str, Sequence[Labelled]]

    @property
    def count(self) -> int:
        """How many units it has in all layers."""
        return sum(len(units) for units in self.layers.values())


Labels = Mapping[str, Label]
Named = Callable[[str, int], Mapping[str, tuple[float, str]]]


def nothing(_: str, __: int) -> Mapping[str, tuple[float, str]]:
    """That no unit is named after anything."""
    return {}


def classes(
    layers: Iterable[LayerData], sizes: tuple[int, ...], named: Named = nothing
) -> dict[str, Label]:
    """The classes that any unit is named after, or that its nine agree on by more than chance.

    ``named`` tells of a layer's unit the classes in its name, with how well it follows the name and
    the same in words; such units come first, the best first.
    ``sizes`` are the numbers of images in the classes: as many random images would agree on some
    class with a probability of ``CHANCE`` at most. The others are in the order of how many of
    their nine are; by their strongest activation on a tie.
    """
    return _by_name(layers, functools.partial(_classes_of, sizes=sizes), named)


def concepts(layers: Iterable[LayerData], named: Named = nothing) -> dict[str, Label]:
    """The concepts that any unit is named after, or that it overlaps with by more than chance.

    ``named`` is as above. The others are in the order of their overlap, the largest first.
    """
    return _by_name(layers, _concepts_of, named)


def _classes_of(unit: Unit, *, sizes: tuple[int, ...]) -> Iterator[tuple[str, Labelled]]:
    counts = Counter(winner.label for winner in unit.nine if winner.label)
    for name, count in counts.items():
        if chance_of(sizes, len(unit.nine), count) <= CHANCE:
            said = f"{count} of {len(unit.nine)}"
            yield name, Labelled(unit, (UNNAMED, count, unit.nine[0].value), said)


def _concepts_of(unit: Unit) -> Iterator[tuple[str, Labelled]]:
    strongest = unit.nine[0].value if unit.nine else 0.0
    for name, overlap in unit.concepts:
        yield name, Labelled(unit, (UNNAMED, overlap, strongest), f"overlap {overlap:.2f}")


def _by_name(
    layers: Iterable[LayerData],
    labels_of: Callable[[Unit], Iterator[tuple[str, Labelled]]],
    named: Named,
) -> dict[str, Label]:
    found: dict[str, dict[str, list[Labelled]]] = {}
    for layer in layers:
        for unit in layer.top:
            own = dict(labels_of(unit))
            for name, (follows, said) in named(layer.layer, unit.unit).items():
                before = own.get(name)
                words = f"{said}; {before.said}" if before else said
                own[name] = Labelled(unit, (follows, *(before.strength if before else ())), words)
            for name, labelled in own.items():
                found.setdefault(name, {}).setdefault(layer.layer, []).append(labelled)
    labels = {}
    for name in sorted(found, key=lambda name: (name.casefold(), name)):
        ordered = {
            layer: sorted(units, key=lambda one: (*(-n for n in one.strength), one.unit.unit))
            for layer, units in found[name].items()
        }
        labels[name] = Label(name, ordered)
    return labels
