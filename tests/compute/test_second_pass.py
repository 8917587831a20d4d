import pytest

import atlas
from atlas.compute.second_pass import revisit, winners
from atlas.errors import AtlasError
from atlas.images.sources import DemoImages
from atlas.networks.batching import slot_by_slot


def test_a_changed_image_stops_the_second_pass() -> None:
    network, images = atlas.load_network("demo"), DemoImages(20)
    found = atlas.scan(network, images, layers=["conv2"])
    other = DemoImages(20, seed=99)
    with pytest.raises(AtlasError, match="in the first pass"):
        [list(visit.found) for visit in revisit(network, other, found.records)]


@pytest.mark.slow
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
