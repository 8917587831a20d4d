import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import atlas
from atlas.compute.second_pass import revisit, winners
from atlas.data import records
from atlas.data.geometry import Box
from atlas.drawing import pixels
from atlas.errors import AtlasError
from atlas.images.sources import DemoImages
from atlas.networks.batching import slot_by_slot


def test_the_data_say_what_the_scan_found(site: Path) -> None:
    network, images = atlas.load_network("demo"), DemoImages(96)
    found = atlas.scan(network, images)
    facts = records.read_atlas(site / "small")
    assert facts.network["weights_hash"] == network.weights_hash
    assert facts.images["hash"] == found.images_hash
    assert list(facts.layers) == list(network.layers)
    for name, record in found.records.items():
        layer = records.read_layer(site / "small", name)
        field = atlas.receptive_field(network, name)
        assert layer.receptive_field.size == field.size
        assert len(layer.top) == layer.units == network.layers[name].units
        for unit in layer.top:
            assert unit.fired == record.fired[unit.unit]
            for rank, winner in enumerate(unit.nine):
                assert np.float32(winner.value) == record.value[unit.unit, rank]
                assert winner.image == record.image[unit.unit, rank]
                assert list(winner.position) == record.position[unit.unit, rank].tolist()
                assert winner.label == images.label(winner.image)
                assert winner.box == field.box(*winner.position).as_tuple()
                assert winner.true_box == field.true_box(*winner.position).as_tuple()


def test_each_unit_has_its_own_data(site: Path) -> None:
    layer = json.loads((site / "small" / "conv3" / "layer.json").read_text())
    unit = json.loads((site / "small" / "conv3" / "17.json").read_text())
    assert unit == {
        "schema": records.SCHEMA,
        "atlas": "small",
        "layer": "conv3",
        **layer["top"][17],
    }


@pytest.mark.parametrize(("layer", "unit"), [("conv1", 5), ("conv4", 30), ("scores", 2)])
def test_a_plate_shows_the_patches_and_their_reconstructions(
    site: Path, layer: str, unit: int
) -> None:
    network, images = atlas.load_network("demo"), DemoImages(96)
    record = records.read_layer(site / "small", layer)
    sheet = np.asarray(Image.open(site / "small" / layer / f"{unit}.webp").convert("RGB"))
    height, width = record.plate.tile
    assert sheet.shape[:2] == record.plate.size
    for rank, winner in enumerate(record.top[unit].nine):
        stimulus = network.preprocessing.stimulus(images[winner.image])
        signal = atlas.reconstruct(network, stimulus, layer, unit, winner.position)
        box = Box(*winner.box)
        std = network.preprocessing.std
        expected = (
            pixels.reconstruction(signal.numpy(), std, box, (height, width)),
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
                assert np.corrcoef(grey, wanted)[0, 1] > 0.9


def test_images_among_the_nine_are_kept_and_no_others(site: Path) -> None:
    folder = site / "small"
    facts = records.read_atlas(folder)
    chosen = {
        winner.image
        for name in facts.layers
        for unit in records.read_layer(folder, name).top
        for winner in unit.nine
    }
    assert {int(path.stem) for path in (folder / "images").rglob("*.webp")} == chosen


def test_a_changed_image_stops_the_second_pass() -> None:
    network, images = atlas.load_network("demo"), DemoImages(20)
    found = atlas.scan(network, images, layers=["conv2"])
    other = DemoImages(20, seed=99)
    with pytest.raises(AtlasError, match="in the first pass"):
        [list(visit.found) for visit in revisit(network, other, found.records)]


def test_every_winner_is_visited_once() -> None:
    network, images = atlas.load_network("demo"), DemoImages(150)
    found = atlas.scan(network, images, layers=["conv5"])
    seen, visited = [], []
    for visit in revisit(network, images, found.records):
        visited += visit.stimuli
        for some in visit.found:
            seen += list(zip(some.units.tolist(), some.ranks.tolist(), strict=True))
            assert len(some.images) == len(some.reconstructions.values) == len(some.units)
    record = found.records["conv5"]
    assert sorted(seen) == [(u, r) for u in range(record.units) for r in range(record.count(u))]
    assert sorted(visited) == winners(found.records)


def test_images_are_ordered_so_that_batches_fill() -> None:
    ordered = slot_by_slot([0, 16, 32, 1, 17, 2], 16)
    assert ordered == [0, 1, 2, 16, 17, 32]
