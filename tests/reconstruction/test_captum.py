"""Agreement with Captum, which nobody here wrote."""

import pytest
import torch
from captum.attr import NeuronDeconvolution, NeuronGradient, NeuronGuidedBackprop
from torch import nn

import atlas
from atlas.reconstruction.deconvnet import record

METHODS = {
    "deconvnet": NeuronDeconvolution,
    "guided": NeuronGuidedBackprop,
    "gradient": NeuronGradient,
}
LAYERS = {
    "alexnet": ["conv1", "conv3", "conv5"],
    "vgg16": ["conv2", "conv7", "conv13"],
    "squeezenet1_1": ["features.0", "features.6.expand3x3", "features.12.squeeze"],
}


@pytest.mark.filterwarnings("ignore")  # of Captum's own hooks
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", METHODS)
@pytest.mark.parametrize("name", LAYERS)
def test_reconstructions_agree(name: str, rule: str, dtype: torch.dtype) -> None:
    network = atlas.load_network(name, "none", seed=11, preprocessing={"crop": (112, 112)})
    model = network.module.to(dtype)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(3, 112, 112, generator=generator, dtype=torch.float64).to(dtype)
    for layer_name in LAYERS[name]:
        layer = network.layers[layer_name]
        recorded = record(network.graph, x[None], [layer.node], rule).activations[layer.node]
        maps = layer.maps(recorded)[0]
        unit = int(maps.flatten(1).amax(1).argsort()[-3])
        row, column = divmod(int(maps[unit].argmax()), maps.shape[2])
        value = maps[unit, row, column]
        assert value > 0
        ours = atlas.reconstruct(network, x, layer_name, unit, (row, column), rule)
        method = METHODS[rule](model, model.get_submodule(layer.module))
        theirs = method.attribute(x[None], (unit, row, column))[0].detach() * value
        error = (ours - theirs).abs().max() / theirs.abs().max()
        assert error < (1e-4 if dtype == torch.float32 else 1e-10), (layer_name, float(error))
