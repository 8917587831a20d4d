from pathlib import Path

import numpy as np

from atlas.compute.representative import representative
from atlas.data.documents import read_layer


def test_representative_units_stand_for_different_classes(site: Path) -> None:
    layer = read_layer(site / "small", "conv5")
    chosen = [layer.top[unit].commonest for unit in representative(layer)]
    assert len({best[0] for best in chosen if best}) == len(chosen) == 6
    assert max(unit.commonest[1] for unit in layer.top if unit.commonest) == chosen[0][1]


def test_representative_units_of_the_first_layer_have_unlike_filters(site: Path) -> None:
    layer = read_layer(site / "small", "conv1")
    filters = np.random.default_rng(0).normal(size=(48, 3, 7, 7))
    order = sorted(layer.top, key=lambda unit: -unit.nine[0].value if unit.nine else 0)
    first, second = (unit.unit for unit in order[:2])
    filters[second] = filters[first] * -3  # the same filter but for its sign and size
    chosen = representative(layer, filters)
    assert chosen[0] == first and second not in chosen and len(set(chosen)) == 6
