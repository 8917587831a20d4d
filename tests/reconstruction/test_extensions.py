import numpy as np
import pytest
import torch

import atlas
from atlas.reconstruction.extensions import extensions, image_free
from tests.support.networks import loaded


@pytest.mark.parametrize(
    ("name", "beyond"),
    [
        ("demo", ["average pooling"]),
        ("vgg11", ["average pooling"]),
        ("resnet18", ["average pooling", "batch norm", "sums"]),
        ("convnext_tiny", ["average pooling", "gelu", "layer norm", "products", "sums"]),
        ("mobilenet_v3_small", ["average pooling", "batch norm", "hardsigmoid", "hardswish",
                                "products", "sums"]),
    ],
)  # fmt: skip
def test_what_goes_beyond_the_paper_is_named(name: str, beyond: list[str]) -> None:
    assert extensions(loaded(name, crop=(64, 64)).graph) == beyond


@pytest.mark.parametrize(
    ("name", "free", "bound"),
    [
        ("demo", ["conv1"], ["conv2"]),
        ("resnet18", ["conv1"], ["layer1.0.conv1", "layer3.0"]),
        ("mobilenet_v2", ["features.0.0", "features.4.conv.2", "features.5.0"], []),
        ("mobilenet_v3_small", ["features.0.0"], ["features.1.block.2.0", "features.6.0"]),
        ("convnext_tiny", ["features.0.0"], ["features.1.0", "features.3.0"]),
    ],
)
def test_where_nothing_of_the_image_enters_reconstructions_of_any_image_are_alike(
    name: str, free: list[str], bound: list[str]
) -> None:
    network = loaded(name, crop=(64, 64))
    graph = network.graph
    noise = torch.randn((2, *graph.input_shape), generator=torch.Generator().manual_seed(0))
    for layer_id in free + bound:
        layer = network.layer(layer_id)
        said = image_free(graph, layer.node, "deconvnet")
        assert said == (layer_id in free), layer_id
        maps = next(maps for _, maps in network.activations(noise, [layer]))
        where = np.unravel_index(int(maps.amin(0).argmax()), maps.shape[1:])
        unit, row, column = (int(n) for n in where)
        found = [
            atlas.reconstruct(network, one, layer_id, unit, (row, column)) / values[where]
            for one, values in zip(noise, maps, strict=True)
        ]
        alike = torch.allclose(*found, atol=1e-5 * float(found[0].abs().max()))
        assert alike == said, layer_id
        assert layer_id == "features.0.0" or not image_free(graph, layer.node, "gradient")
