"""Agreement with Captum, which nobody here wrote."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from captum.attr import NeuronDeconvolution, NeuronGradient, NeuronGuidedBackprop
from torch import nn

import atlas
from atlas.reconstruction.recording import record
from tests.support.networks import loaded

METHODS = {
    "deconvnet": NeuronDeconvolution,
    "guided": NeuronGuidedBackprop,
    "gradient": NeuronGradient,
}
LAYERS = {
    "alexnet": ["conv1", "conv3", "conv5"],
    "vgg16": ["conv2", "conv7", "conv13"],
    "squeezenet1_1": ["features.0", "features.6.expand3x3", "features.11.squeeze"],
}


@contextmanager
def out_of_place(model: nn.Module) -> Iterator[nn.Module]:
    """The model with rectifications that overwrite nothing, as Captum's hooks need them."""
    rectifications = [m for m in model.modules() if isinstance(m, nn.ReLU) and m.inplace]
    for module in rectifications:
        module.inplace = False
    yield model
    for module in rectifications:
        module.inplace = True


@pytest.mark.filterwarnings("ignore")  # of Captum's own hooks
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", METHODS)
@pytest.mark.parametrize(
    "name", ["alexnet", pytest.param("vgg16", marks=pytest.mark.slow), "squeezenet1_1"]
)
def test_reconstructions_agree(name: str, rule: str, dtype: torch.dtype) -> None:
    network = loaded(name, seed=11, crop=(64, 64), double=dtype == torch.float64)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(3, 64, 64, generator=generator, dtype=torch.float64).to(dtype)
    for layer_name in LAYERS[name]:
        layer = network.layers[layer_name]
        recorded = record(network.graph, x[None], [layer.node], rule).activations[layer.node]
        maps = layer.maps(recorded)[0]
        unit = int(maps.flatten(1).amax(1).argsort()[-3])
        row, column = divmod(int(maps[unit].argmax()), maps.shape[2])
        value = maps[unit, row, column]
        assert value > 0
        ours = atlas.reconstruct(network, x, layer_name, unit, (row, column), rule)
        with out_of_place(network.module) as model:
            method = METHODS[rule](model, model.get_submodule(layer.module))
            theirs = method.attribute(x[None], (unit, row, column))[0].detach() * value
        error = (ours - theirs).abs().max() / theirs.abs().max()
        assert error < (1e-4 if dtype == torch.float32 else 1e-10), (layer_name, float(error))
