import json

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from atlas.demo import train as training
from atlas.demo.files import WEIGHTS
from atlas.demo.network import demo_network
from atlas.demo.scenes import CLASSES
from atlas.demo.train import Recipe, accuracy, pictures, train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def drawn() -> tuple[Tensor, Tensor]:
    """Pictures of a world that the shipped network was not trained on, and their classes."""
    return pictures(987, 1000)


@pytest.fixture(scope="module")
def shipped() -> nn.Module:
    model = demo_network()
    model.load_state_dict(load_file(WEIGHTS))
    return model.eval()


@pytest.mark.slow
def test_a_short_run_learns_and_keeps_its_filters_in_bounds(
    drawn: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten pictures of each class at half their size are enough to learn something of them."""
    monkeypatch.setattr(training, "RADIUS", 0.05)  # which filters reach in so short a run
    pixels, labels = drawn[0][:240, :, ::2, ::2], drawn[1][:240]
    model, losses = train(Recipe(images=240, epochs=24), pixels, labels, CPU)
    assert losses[-1] < 0.9 * losses[0]
    assert accuracy(model, pixels, labels, CPU) > 3 / len(CLASSES)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            rms = module.weight.square().mean((1, 2, 3)).sqrt()
            assert (rms <= training.RADIUS * 1.001).all()


@pytest.mark.slow
def test_the_shipped_network_knows_pictures_it_has_not_seen(
    shipped: nn.Module, drawn: tuple[Tensor, Tensor]
) -> None:
    assert accuracy(shipped, *drawn, CPU) >= 0.97


def test_the_shipped_weights_are_small_and_recorded() -> None:
    assert WEIGHTS.stat().st_size <= 3_000_000
    record = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert {"command", "seed", "epochs", "training images"} <= record.keys()
