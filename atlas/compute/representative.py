"""Which units to show for a layer where there is no room for all."""

from __future__ import annotations

import numpy as np

from atlas.data.records import LayerData, Unit


def representative(
    layer: LayerData, filters: np.ndarray | None = None, count: int = 6
) -> tuple[int, ...]:
    """A few units to show for a layer, as different from each other as can be.

    Where the layer's ``filters`` ``[U, C, k, k]`` can be drawn: the strongest unit first, then
    each time the one whose filter is least like any before it. Elsewhere: those whose nine agree
    most on a class, the stronger first among equals, each class once as long as there are others.
    Units with all nine come before those with fewer.
    """

    def rank(unit: Unit) -> tuple[int, int, float]:
        agree = unit.commonest[1] if unit.commonest and filters is None else 0
        return (-len(unit.nine), -agree, -unit.nine[0].value)

    ordered = sorted((unit for unit in layer.top if unit.nine), key=rank)
    if filters is not None:
        return _unlike(filters, [unit.unit for unit in ordered], count)
    chosen: list[Unit] = []
    seen: set[str | None] = set()
    for unit in ordered:
        name = unit.commonest[0] if unit.commonest else None
        if name is None or name not in seen:
            chosen.append(unit)
            seen.add(name)
    chosen += [unit for unit in ordered if unit not in chosen]
    return tuple(unit.unit for unit in chosen[:count])


def _unlike(filters: np.ndarray, units: list[int], count: int) -> tuple[int, ...]:
    flat = filters.reshape(len(filters), -1)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    chosen = units[:1]
    while chosen and len(chosen) < min(count, len(units)):
        alike = np.abs(flat[units] @ flat[chosen].T).max(1)
        chosen.append(units[int(alike.argmin())])
    return tuple(chosen)
