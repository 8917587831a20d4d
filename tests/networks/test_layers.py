import re

import pytest
import torch
import torchvision
from torch import nn

from atlas.demo.network import UNITS, demo_network
from atlas.errors import AtlasError
from atlas.networks.graph import Graph
from atlas.networks.layers import find_layers
from tests.support.smaller import smaller


def test_the_demo_network_is_named_as_its_modules_are():
    layers = find_layers(Graph(demo_network(), (3, 128, 128)))
    assert list(layers) == ["conv1", "conv2", "conv3", "conv4", "conv5", "scores"]
    assert tuple(layer.units for layer in layers.values())[:5] == UNITS


def test_a_numbered_chain_gets_short_names_and_published_receptive_fields():
    layers = find_layers(Graph(torchvision.models.alexnet(), (3, 224, 224)))
    sizes = {layer.id: layer.field.size[0] for layer in layers.values()}
    assert sizes == {
        "conv1": 11, "conv2": 51, "conv3": 99, "conv4": 131, "conv5": 163,
        "fc1": 224, "fc2": 224, "fc3": 224,
    }  # fmt: skip
    assert layers["conv1"].module == "features.0"
    assert layers["conv1"].field.stride == (4, 4)
    assert layers["conv1"].field.offset == (-2, -2)


def test_block_outputs_are_layers_of_their_own():
    squeezenet = find_layers(Graph(torchvision.models.squeezenet1_1(), (3, 224, 224)))
    assert squeezenet["features.3"].kind == "concatenation"
    assert squeezenet["features.3"].shape == (128, 55, 55)
    resnet = find_layers(Graph(torchvision.models.resnet18(), (3, 224, 224)))
    assert resnet["layer4.1"].kind == "sum"
    assert resnet["layer4.1"].field.size == (435, 435)  # Araujo et al. 2019, table 1


def test_a_layer_has_an_address_whatever_its_module_is_called():
    """And none that leads elsewhere, that another system refuses, or that two layers share."""
    names = ["/etc", "con", "<img src=x onerror=alert(1)>", "Conv", "conv", "x" * 300, "images"]
    model = nn.Sequential()
    for name in names:
        model.add_module(name, nn.Conv2d(3, 3, 1))
    layers = find_layers(Graph(model, (3, 8, 8)))
    assert [layer.module for layer in layers.values()] == names
    assert [name for name in layers if name in names] == ["Conv"]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{3,80}", name) for name in layers)
    assert len({name.casefold() for name in layers}) == len(names)


def test_the_model_handed_in_is_left_as_it_was():
    model = torchvision.models.squeezenet1_1().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Graph(model, (3, 224, 224))
    assert model.training
    assert all(m.inplace for m in model.modules() if isinstance(m, nn.ReLU))
    assert not any(m._forward_hooks for m in model.modules())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_tracing_and_eager_outputs_are_equal_to_the_last_bit():
    for model, side in (
        (demo_network(), 128),
        (torchvision.models.resnet18(), 64),
        (torchvision.models.squeezenet1_1(), 64),
    ):
        model.eval()
        inputs = torch.randn(2, 3, side, side)
        graph = Graph(model, (3, side, side))
        with torch.inference_mode():
            (output,) = graph.outputs(inputs)
            assert torch.equal(output, model(inputs))


def test_a_linear_layer_over_positions_that_are_turned_is_equal_to_the_last_bit():
    """It rounds otherwise where its weights need gradients."""

    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear = nn.Conv2d(3, 4, 3), nn.Linear(4, 4)

        def forward(self, x):
            return self.linear(self.conv(x).flatten(2).mT)

    torch.manual_seed(0)
    model = Turned().eval()
    Graph(model, (3, 12, 12))  # or an error
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_an_input_too_small_is_an_error_for_people():
    with pytest.raises(AtlasError, match="can't be run on a 10x10 input"):
        Graph(demo_network(), (3, 10, 10))


def test_a_transformation_of_the_input_is_no_layer():
    options = {"transform_input": True, "aux_logits": False, "init_weights": False}
    model = smaller("googlenet", **options)
    layers = find_layers(Graph(model.eval(), (3, 64, 64)))
    assert next(iter(layers)) == "conv1.conv"
    assert layers["inception3a"].kind == "concatenation"
