"""What stages wrote of a small demo, against the library's own functions."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import atlas
from atlas.data.documents import read_atlas, read_layer
from atlas.data.geometry import Box
from atlas.drawing import pixels
from atlas.images.sources import DemoImages
from tests.support.sites import EACH


def test_the_data_say_what_the_scan_found(site: Path) -> None:
    network, images = atlas.load_network("demo"), DemoImages(96)
    found = atlas.scan(network, images)
    facts = read_atlas(site / "small")
    assert facts.network.weights_hash == network.weights_hash
    assert facts.images.hash == found.images_hash
    assert list(facts.layers) == list(network.layers)
    for name, record in found.records.items():
        layer = read_layer(site / "small", name)
        field = atlas.receptive_field(network, name)
        assert layer.receptive_field.size == field.size
        assert layer.units == network.layers[name].units and len(layer.top) == EACH
        for unit in layer.top:
            assert unit.fired == record.fired[unit.unit]
            for rank, winner in enumerate(unit.nine):
                assert np.float32(winner.value) == record.value[unit.unit, rank]
                assert winner.image == record.image[unit.unit, rank]
                assert list(winner.position) == record.position[unit.unit, rank].tolist()
                assert winner.label == images.label(winner.image)
                assert winner.box == field.box(*winner.position).as_tuple()
                assert winner.true_box == field.true_box(*winner.position).as_tuple()


@pytest.mark.parametrize(("layer", "unit"), [("conv1", 6), ("conv4", 40), ("scores", 3)])
def test_a_plate_shows_the_patches_and_their_reconstructions(
    site: Path, layer: str, unit: int
) -> None:
    network, images = atlas.load_network("demo"), DemoImages(96)
    record = read_layer(site / "small", layer)
    sheet = np.asarray(Image.open(site / "small" / layer / f"{unit}.webp").convert("RGB"))
    height, width = record.plate.tile
    assert sheet.shape[:2] == record.plate.size
    for rank, winner in enumerate(record.unit(unit).nine):
        stimulus = network.preprocessing.stimulus(images[winner.image])
        signal = atlas.reconstruct(network, stimulus, layer, unit, winner.position)
        box = Box(*winner.shown)
        std = network.preprocessing.std
        expected = (
            pixels.reconstruction(signal.numpy(), std=std, box=box, size=(height, width)),
            pixels.patch(stimulus, box, (height, width)),
        )
        for patch in (False, True):
            top, left = record.plate.place(rank, patch)
            shown = sheet[top : top + height, left : left + width].astype(float)
            if max(record.receptive_field.size) <= pixels.CRISP:
                # lossless, but the arithmetic of a batch may differ
                assert np.abs(shown - expected[patch]).max() <= 2
            else:
                grey, wanted = shown.mean(2).ravel(), expected[patch].mean(2).ravel()
                assert np.corrcoef(grey, wanted)[0, 1] > 0.85


def test_images_among_the_nine_are_kept_and_no_others(site: Path) -> None:
    folder = site / "small"
    facts = read_atlas(folder)
    chosen = {
        winner.image
        for name in facts.layers
        for unit in read_layer(folder, name).top
        for winner in unit.nine
    }
    assert {int(path.stem) for path in (folder / "images").rglob("*.webp")} == chosen
