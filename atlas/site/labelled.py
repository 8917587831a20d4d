"""The units of all layers whose nine are mostly of a class, or that overlap with a concept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from atlas.data.records import LayerData, Unit

SHARE, LEAST = 2, 2  # half of a unit's nine are of its class, and two at least


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


def classes(layers: Iterable[LayerData]) -> dict[str, Label]:
    """The classes that any unit stands for, by name: a third or more of its nine are of the class.

    Units are in the order of how many of their nine are; by their strongest activation on a tie.
    """
    return _by_name(layers, _classes_of)


def concepts(layers: Iterable[LayerData]) -> dict[str, Label]:
    """The concepts that any unit overlaps with by more than chance, by name; most overlap first."""
    return _by_name(layers, _concepts_of)


def _classes_of(unit: Unit) -> Iterator[tuple[str, Labelled]]:
    counts = Counter(winner.label for winner in unit.nine if winner.label)
    for name, count in counts.items():
        if count >= LEAST and SHARE * count >= len(unit.nine):
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
