"""Whether the pictures made for units reach what an atlas says they do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from atlas.data.wants import WANTS, made_file
from atlas.drawing.made import decoded, placed
from atlas.experiments.wants.paths import seen
from atlas.networks.network import Network

ALIKE = 1e-3  # of the activation said: pictures may be decoded a little differently elsewhere


def differences(
    folder: Path, layer: str, units: Sequence[int], network: Network, *, slots: int
) -> dict[int, list[str]]:
    """What differs of each unit for which pictures were made, in words; only of these."""
    if not WANTS.path(folder, layer).is_file():
        return {}
    wants = WANTS.read(folder, layer)
    said = [(one.unit, made) for one in wants.units if one.unit in set(units) for made in one.made]
    differs: dict[int, list[str]] = {unit: [] for unit, _ in said}
    mode, mean = network.preprocessing.mode, network.preprocessing.mean
    pictures, there = [], []
    for unit, made in said:
        path = folder / made_file(layer, unit, made.kind)
        if path.is_file():
            picture = decoded(path.read_bytes(), mode)
            if picture.shape[:2] == wants.size:
                pictures.append(placed(picture, wants.box, network.preprocessing.crop, mean))
                there.append((unit, made))
                continue
        differs[unit].append(f"the {made.kind} picture isn't there, or has another size")
    if not there:
        return differs
    found = seen(
        network,
        network.layer(layer),
        np.stack(pictures),
        units=[unit for unit, _ in there],
        positions=[wants.position] * len(there),
        below=(),
        slots=slots,
    )
    for (unit, made), value in zip(there, found.before, strict=True):
        if abs(value - made.before) > ALIKE * max(1.0, abs(made.before)):
            differs[unit].append(
                f"the {made.kind} picture reaches {value:.6g}, not {made.before:.6g}"
            )
    return differs
