"""What a scan notes is what the network comes to when it is run again, to the last bit."""

from pathlib import Path

import numpy as np
import pytest

from atlas.compute.noted_peaks import FEATURES, FILE, NotedPeaks
from atlas.compute.peaking import OWN, Peaking, in_own_slots
from atlas.images.sources import DemoImages
from atlas.images.stimuli import stimuli
from atlas.networks.batching import Running
from atlas.scanning.scan import first_pass
from tests.support.networks import loaded

SLOTS, IMAGES = 4, 11


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_it_is_what_the_network_comes_to(name: str, tmp_path: Path) -> None:
    network = loaded(name, crop=(64, 64))
    images, layers = DemoImages(IMAGES), network.choose(None)
    noted = NotedPeaks.of(tmp_path, network, layers, images=IMAGES, slots=SLOTS)
    first_pass(network, images, noting=noted.noting, running=Running(SLOTS))

    def pixels(some):
        return np.stack([x.pixels for x in stimuli(images, network.preprocessing, some)])

    some = [0, 2, 3, 4, 8, 10]
    peaking = Peaking(network, layers, some, [1, 4])
    again = peaking.looking(pixels, SLOTS)(some)
    known = [noted.get(image) for image in some]
    for name in (FEATURES, *network.layers):
        values = np.stack([one[name] for one in known if one])
        assert values.tobytes() == (again[f"{OWN} {name}"] + np.float32(0)).tobytes(), name
    from_notes = peaking.looking(pixels, SLOTS, noted.get)(some)
    assert all((from_notes[name] == again[name]).all() for name in again)
    assert from_notes.keys() == again.keys()


def test_what_is_damaged_or_of_other_slots_is_not_there(tmp_path: Path) -> None:
    network = loaded("squeezenet1_1", crop=(64, 64))
    layers = [network.layer("features.0")]
    one, other = (
        NotedPeaks.of(tmp_path, network, layers, images=3, slots=slots) for slots in (4, 2)
    )
    assert one.get(1) is None
    values = np.arange(2 * layers[0].units, dtype=np.float32).reshape(2, -1)
    one.put(np.array([0, 1]), np.ones((2, one.numbers), np.float32), {"features.0": values})
    found = one.get(1)
    assert found is not None and found["features.0"].tolist() == values[1].tolist()
    assert one.get(2) is None and one.get(3) is None and other.get(1) is None
    path = tmp_path / FILE
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    assert one.get(0) is not None and one.get(1) is None


def test_each_batch_has_an_image_of_a_slot_at_most() -> None:
    batches = in_own_slots([0, 1, 4, 5, 9, 2, 13], 4)
    assert sorted(image for batch in batches for image in batch) == [0, 1, 2, 4, 5, 9, 13]
    assert all(len({image % 4 for image in batch}) == len(batch) for batch in batches)
    assert len(batches) == 4
