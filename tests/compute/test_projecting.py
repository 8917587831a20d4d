from pathlib import Path

import atlas
from atlas.compute.projecting import size_of
from atlas.site.files import size


def test_the_demo_is_about_as_large_as_projected(site: Path) -> None:
    network = atlas.load_network("demo")
    layers = list(network.layers.values())
    found = size(site / "small")
    assert 0.6 < size_of(layers, None, 96, network.preprocessing.crop) / found < 1.6
    assert size_of(layers, 2, 96, network.preprocessing.crop) < found / 5
    assert size_of(layers, None, 96, network.preprocessing.crop, False) < 0.8 * found
