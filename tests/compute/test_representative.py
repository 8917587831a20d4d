from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from atlas.compute.representative import patch_contrast, representative
from atlas.data.documents import read_layer


def test_representative_units_stand_for_different_classes(site: Path) -> None:
    layer = read_layer(site / "small", "conv5")
    chosen = [layer.unit(unit).commonest for unit in representative(layer)]
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


def _known(known: dict[int, float], otherwise: float, unit: int) -> float:
    return known.get(unit, otherwise)


def test_units_whose_patches_are_plain_stand_for_a_layer_only_where_there_are_no_others(
    site: Path,
) -> None:
    for name in ("conv1", "conv5"):
        layer = read_layer(site / "small", name)
        filters = np.random.default_rng(0).normal(size=(48, 3, 7, 7)) if name == "conv1" else None
        first = representative(layer, filters)
        plain = set(first[:3])
        low = dict.fromkeys(first[:3], 0.0)
        chosen = representative(layer, filters, contrast=partial(_known, low, 50.0))
        assert not plain & set(chosen) and len(set(chosen)) == 6
        telling = first[0]
        chosen = representative(layer, filters, contrast=partial(_known, {telling: 50.0}, 0.0))
        assert chosen[0] == telling and len(set(chosen)) == 6


def test_contrast_is_that_of_the_patches_on_the_plate(site: Path, tmp_path: Path) -> None:
    layer = read_layer(site / "small", "conv4")
    unit = next(unit.unit for unit in layer.top if len(unit.nine) == 9)
    height, width = layer.plate.tile
    (tmp_path / "conv4").mkdir()
    picture = np.full((*layer.plate.size, 3), 255, np.uint8)
    striped = np.arange(layer.plate.tile[1]) % 2 * 100
    for rank in range(9):  # reconstructions have contrasts of their own, which say nothing
        top, left = layer.plate.place(rank, patch=False)
        picture[top : top + height, left : left + width] = striped[:, None]
    plate = tmp_path / "conv4" / f"{unit}.webp"
    Image.fromarray(picture).save(plate, lossless=True)
    assert patch_contrast(tmp_path, layer)(unit) < 1
    for rank in range(5):
        top, left = layer.plate.place(rank, patch=True)
        picture[top : top + height, left : left + width] = striped[:, None]
    Image.fromarray(picture).save(plate, lossless=True)
    assert abs(patch_contrast(tmp_path, layer)(unit) - striped.std()) < 1
