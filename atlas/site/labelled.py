"""The units of all layers whose nine agree on a class, or that overlap with a concept."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from atlas.data.records import LayerData, Unit
from atlas.site.phrases import chance_of

CHANCE = 0.01  # that random images would agree on some class as a unit's nine do, at most


@dataclass(frozen=True)
class Labelled:
    """A unit that a label stands for: how strongly, as its place is decided, and in words."""

    unit: Unit
    strength: tuple[float, float]
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


def classes(layers: Iterable[LayerData], sizes: tuple[int, ...]) -> dict[str, Label]:
    """The classes on which the nine of any unit agree, by name, by more than chance.

    ``sizes`` are the numbers of images in the classes: as many random images would agree on some
    class with a probability of ``CHANCE`` at most. Units are in the order of how many of
    their nine are; by their strongest activation on a tie.
    """
    return _by_name(layers, functools.partial(_classes_of, sizes=sizes))


def concepts(layers: Iterable[LayerData]) -> dict[str, Label]:
    """The concepts that any unit overlaps with by more than chance, by name; most overlap first."""
    return _by_name(layers, _concepts_of)


def _classes_of(unit: Unit, *, sizes: tuple[int, ...]) -> Iterator[tuple[str, Labelled]]:
    counts = Counter(winner.label for winner in unit.nine if winner.label)
    for name, count in counts.items():
        if chance_of(sizes, len(unit.nine), count) <= CHANCE:
            said = f"{count} of {len(unit.nine)}"
            yield name, Labelled(unit, (count, unit.nine[0].value), said)


def _concepts_of(unit: Unit) -> Iterator[tuple[str, Labelled]]:
    strongest = unit.nine[0].value if unit.nine else 0.0
    for name, overlap in unit.concepts:
        yield name, Labelled(unit, (overlap, strongest), f"overlap {overlap:.2f}")


def _by_name(
    layers: Iterable[LayerData], labels_of: Callable[[Unit], Iterator[tuple[str, Labelled]]]
) -> dict[str, Label]:
    found: dict[str, dict[str, list[Labelled]]] = {}
    for layer in layers:
        for unit in layer.top:
            for name, labelled in labels_of(unit):
                found.setdefault(name, {}).setdefault(layer.layer, []).append(labelled)
    labels = {}
    for name in sorted(found, key=lambda name: (name.casefold(), name)):
        ordered = {
            layer: sorted(units, key=lambda one: (*(-n for n in one.strength), one.unit.unit))
            for layer, units in found[name].items()
        }
        labels[name] = Label(name, ordered)
    return labels
