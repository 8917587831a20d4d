"""The deletion curves of units, as documents have them: for the stage, and to verify them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from atlas.compute.beside import by_unit
from atlas.compute.descending import Piece, descent
from atlas.data.curves import LayerCurves, UnitCurves, area, between
from atlas.data.rounding import rounded
from atlas.evidence import curves
from atlas.networks.network import Network

NAMES = ("kept", "left", "kept_elsewhere", "left_elsewhere")
SHARES = (0.0, *curves.SHARES, 1.0)


def curved(network: Network, piece: Piece, stimuli: np.ndarray, rule: str) -> dict[str, np.ndarray]:
    """The curves of a piece's B winners by a rule, by name: ``[B, len(SHARES)]`` float32 each."""
    down = descent(network, network.graph, piece, stimuli, [rule])
    found = curves.curves(
        down.winners, down.by(rule), layer=down.layer, graph=network.graph, inputs=down.inputs
    )
    return {name: getattr(found, name).float().cpu().numpy() for name in NAMES}


def layer_curves(
    layer: str, pieces: Sequence[Piece], parts: Sequence[Mapping[str, np.ndarray]]
) -> LayerCurves:
    """The curves of a layer's units, of all pieces."""
    own = [pair for pair in zip(pieces, parts, strict=True) if pair[0].layer == layer]
    by_name = {
        name: by_unit([piece for piece, _ in own], [part for _, part in own], name)
        for name in NAMES
    }
    return LayerCurves(
        SHARES,
        tuple(
            _of_unit(unit, {name: found[key] for name, found in by_name.items()})
            for key in by_name["kept"]
            for unit in [key[1]]
        ),
    )


def _of_unit(unit: int, lines: Mapping[str, np.ndarray]) -> UnitCurves:
    areas = {
        name: [area(SHARES, [float(value) for value in line]) for line in of_winners]
        for name, of_winners in lines.items()
    }
    kept = [a - b for a, b in zip(areas["kept"], areas["kept_elsewhere"], strict=True)]
    left = [b - a for a, b in zip(areas["left"], areas["left_elsewhere"], strict=True)]
    means = {
        name: tuple(rounded(value) for value in of_winners.mean(0, dtype=np.float64))
        for name, of_winners in lines.items()
    }
    return UnitCurves(unit, **means, kept_between=between(kept), left_between=between(left))
