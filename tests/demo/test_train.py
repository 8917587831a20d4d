import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from atlas.demo.network import WEIGHTS, demo_network
from atlas.demo.scenes import CLASSES
from atlas.demo.train import RADIUS, Recipe, accuracy, pictures, train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shipped() -> nn.Module:
    model = demo_network()
    model.load_state_dict(load_file(WEIGHTS))
    return model.eval()


def test_a_short_run_learns_and_keeps_its_filters_in_bounds():
    pixels, labels = pictures(1, 1440)
    model, losses = train(Recipe(images=1440, epochs=8), pixels, labels, CPU)
    assert losses[-1] < 0.9 * losses[0]
    assert accuracy(model, pixels, labels, CPU) > 3 / len(CLASSES)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            rms = module.weight.square().mean((1, 2, 3)).sqrt()
            assert (rms <= RADIUS * 1.001).all()


def test_the_shipped_network_knows_pictures_it_has_not_seen(shipped):
    assert accuracy(shipped, *pictures(987, 1000), CPU) >= 0.97


def test_the_shipped_weights_are_small_and_recorded():
    assert WEIGHTS.stat().st_size <= 3_000_000
    record = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert {"command", "seed", "epochs", "training images"} <= record.keys()
