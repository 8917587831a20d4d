import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from atlas.data.file_digests import digest_of_file
from atlas.demo import train as training
from atlas.demo.files import WEIGHTS
from atlas.demo.network import demo_network
from atlas.demo.scenes import CLASSES
from atlas.demo.train import Recipe, accuracy, pictures, train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def drawn() -> tuple[Tensor, Tensor]:
    """Pictures of a world that the shipped network was not trained on, and their classes.

    More than is drawn at once: what is drawn first and second is put together.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.os, "cpu_count", lambda: 1)
        return pictures(987, 264)


@pytest.fixture(scope="module")
def shipped() -> nn.Module:
    model = demo_network()
    model.load_state_dict(load_file(WEIGHTS))
    return model.eval()


@pytest.mark.slow
def test_a_short_run_learns_and_keeps_its_filters_in_bounds(
    drawn: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three pictures of each class at half their size are enough to learn something of them."""
    monkeypatch.setattr(training, "RADIUS", 0.05)  # which filters reach in so short a run
    monkeypatch.setattr(training, "BATCH", 24)
    pixels, labels = drawn[0][:72, :, ::2, ::2], drawn[1][:72]
    model, losses = train(Recipe(images=72, epochs=20), pixels, labels, CPU)
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


@pytest.mark.parametrize("permuted", [False, True])
def test_the_command_keeps_weights_those_on_the_way_and_what_it_did(
    permuted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def few(seed: int, count: int, first: int = 0) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        pixels = torch.randint(0, 256, (24, 3, 64, 64), generator=generator, dtype=torch.uint8)
        return pixels, torch.arange(24) % len(CLASSES)

    trained: list[Tensor] = []

    def watched(recipe: Recipe, pixels: Tensor, labels: Tensor, *more: object, **named: object):
        trained.append(labels)
        return train(recipe, pixels, labels, *more, **named)

    monkeypatch.setattr(training, "BATCH", 24)
    monkeypatch.setattr(training, "pictures", few)
    monkeypatch.setattr(training, "train", watched)
    out, way = tmp_path / "own.safetensors", tmp_path / "way"
    words = ["--images", "24", "--epochs", "1", "--out", str(out), "--checkpoints", str(way)]
    words += ["--device", "cpu", *(["--permuted"] if permuted else [])]
    monkeypatch.setattr(sys, "argv", ["train", *words])
    training.main()
    (labels,) = trained
    assert torch.equal(labels.sort().values, few(0, 24)[1].sort().values)
    assert torch.equal(labels, few(0, 24)[1]) != permuted
    weights, (step,) = load_file(out), way.glob("*.safetensors")
    demo_network().load_state_dict(weights)
    kept = load_file(step)
    for name, value in weights.items():  # after the only step; later silent units are revived
        assert kept[name].dtype is torch.float16
        assert not permuted or torch.equal(kept[name], value)
        assert value.dtype is (torch.float16 if permuted else torch.float32)
    record = json.loads(out.with_suffix(".json").read_text())
    assert (record["training images"], record["epochs"]) == (24, 1)
    assert json.loads((way / "record.json").read_text())["weights"] == digest_of_file(out)
