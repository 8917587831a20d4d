"""The rule smooth: the mean of gradients that autograd finds, and what they add up to."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import atlas
from atlas.evidence.control import control_twin
from atlas.images.preprocessing import Preprocessing
from atlas.networks.network import wrap
from atlas.reconstruction.deconvnet import one_hot_signal, project_back
from atlas.reconstruction.recording import joined, record
from atlas.reconstruction.smoothing import SAMPLES, samples_of
from atlas.reconstruction.windows import whole

X = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.fixture(scope="module")
def network() -> atlas.Network:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 4, 3), nn.SiLU(),
        nn.Conv2d(4, 3, 3),
    )  # fmt: skip
    return wrap(model.double().eval(), Preprocessing(None, (12, 12), (0.5,) * 3, (0.5,) * 3))


def test_it_is_the_mean_of_what_autograd_finds_times_the_stimulus(network: atlas.Network) -> None:
    x = X[0]
    total = torch.zeros_like(x)
    for step in range(SAMPLES):
        faded = (x * (step + 0.5) / SAMPLES).requires_grad_()
        total += torch.autograd.grad(network.module(faded[None])[0, 1, 0, 0], faded)[0]
    value = network.module(x[None])[0, 1, 0, 0].detach()
    found = atlas.reconstruct(network, x, "conv3", 1, (0, 0), "smooth")
    torch.testing.assert_close(found, total / SAMPLES * x * value, rtol=1e-9, atol=1e-12)
    # and they add up to about what the stimulus makes of the activation, beside the mean colour
    nothing = network.module(torch.zeros_like(x)[None])[0, 1, 0, 0].detach()
    assert float(found.sum() / value) == pytest.approx(float(value - nothing), rel=0.15)


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_windows_and_company_change_nothing(network: atlas.Network, layer: str) -> None:
    chosen = network.layers[layer]
    recording = joined([record(network.graph, one[None], [chosen.node], "smooth") for one in X])
    of = torch.tensor([1, 0, 1])
    maps = chosen.maps(recording.activations[chosen.node])
    signal = one_hot_signal(
        chosen, maps[of, 2, 1, 2], units=torch.full((3,), 2), positions=torch.tensor([[1, 2]] * 3)
    )
    down = project_back(recording, chosen.node, signal, stimulus=of, rule="smooth")
    for found, stimulus in zip(whole(down, (3, 12, 12)).values, X[of], strict=True):
        alone = atlas.reconstruct(network, stimulus, layer, 2, (1, 2), "smooth")
        torch.testing.assert_close(found, alone, rtol=1e-9, atol=1e-12)


def test_a_twin_goes_down_from_what_the_network_itself_did(network: atlas.Network) -> None:
    chosen, twin = network.layers["conv2"], control_twin(network.graph)
    recording = record(network.graph, X, [chosen.node], "smooth")
    of, one = torch.tensor([0]), torch.ones(1, dtype=torch.float64)
    signal = one_hot_signal(chosen, one, units=of, positions=torch.tensor([[0, 0]]))
    found = project_back(
        replace(recording, graph=twin, ran=network.graph),
        chosen.node, signal, stimulus=of, rule="smooth",
    )  # fmt: skip
    total = torch.zeros(3, 12, 12, dtype=torch.float64)
    for faded in samples_of(X, SAMPLES):
        again = replace(record(network.graph, faded, [chosen.node], "gradient"), graph=twin)
        down = project_back(again, chosen.node, signal, stimulus=of, rule="gradient")
        total += whole(down, (3, 12, 12)).values[0]
    torch.testing.assert_close(whole(found, (3, 12, 12)).values[0], total / SAMPLES * X[0])
