from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

import atlas
from atlas.errors import AtlasError, UsageError
from atlas.networks import zoo
from atlas.networks.network import receptive_field
from atlas.networks.zoo import IMAGENET
from tests.support.networks import loaded
from tests.support.random_networks import wrapped


def test_the_demo_network_has_layers_by_order_of_execution() -> None:
    network = atlas.load_network("demo")
    assert list(network.layers) == ["conv1", "conv2", "conv3", "conv4", "conv5", "scores"]
    assert [layer.units for layer in network.layers.values()] == [48, 80, 112, 112, 96, 24]
    assert isinstance(network.module, nn.Module)
    assert not network.module.training


def test_random_weights_follow_the_seed_and_nothing_else() -> None:
    small = {"preprocessing": {"crop": (64, 64)}}
    torch.manual_seed(1)
    one = atlas.load_network("squeezenet1_1", "none", seed=3, **small)
    state = torch.get_rng_state()
    other = atlas.load_network("squeezenet1_1", "none", seed=3, **small)
    assert torch.equal(torch.get_rng_state(), state)
    assert one.weights_hash == other.weights_hash
    another = atlas.load_network("squeezenet1_1", "none", seed=4, **small)
    assert one.weights_hash != another.weights_hash


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_from_a_file_without_the_classifier(tmp_path: Path, suffix: str) -> None:
    model = torchvision.models.squeezenet1_1()
    state = {k: v for k, v in model.state_dict().items() if k.startswith("features.")}
    path = tmp_path / f"weights{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    network = atlas.load_network("squeezenet1_1", path)
    assert network.missing == ("classifier.1",)
    assert list(network.layers)[-1] == "features.12"
    assert torch.equal(network.module.state_dict()["features.0.weight"], state["features.0.weight"])
    whole = atlas.load_network("squeezenet1_1", "none")
    assert list(whole.layers)[-1] == "classifier.1"


def test_weights_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    state = dict(torchvision.models.squeezenet1_1().state_dict())
    state["features.0.bias"] = torch.zeros(3)
    state["extra.weight"] = torch.zeros(1)
    path = tmp_path / "w.pt"
    torch.save(state, path)
    with pytest.raises(AtlasError) as error:
        atlas.load_network("squeezenet1_1", path)
    assert "features.0.bias is [3], not [64]" in str(error.value)
    assert "extra.weight is not in squeezenet1_1" in str(error.value)


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        atlas.load_network("squeezenet1_1", tmp_path / "none.pt")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nonsense")
    with pytest.raises(AtlasError, match="can't be read as weights"):
        atlas.load_network("squeezenet1_1", bad)


def test_names_that_are_not_known() -> None:
    with pytest.raises(UsageError, match="did you mean squeezenet"):
        atlas.load_network("squezenet1_1")


def test_preprocessing_is_that_of_the_weights() -> None:
    assert atlas.load_network("squeezenet1_1").preprocessing == IMAGENET
    inception = zoo.recipe("inception_v3").preprocessing(nn.Identity())
    assert inception.crop == (299, 299) and inception.resize == 342


def test_layers_are_chosen_by_globs() -> None:
    network = atlas.load_network("demo")
    assert [layer.id for layer in network.choose(["conv[45]", "sc*"])] == [
        "conv4", "conv5", "scores",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="no layer of demo matches 'conv9'"):
        network.choose(["conv9"])


class OneSequence(nn.Module):
    """A linear layer that reads positions as one sequence; ``attends`` moves images as well."""

    def __init__(self, attends: bool) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.read, self.attends = nn.Linear(4, 4), attends

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        sequence = self.read(y.flatten(2).mT)
        if self.attends:
            sequence = sequence.transpose(0, 1).sigmoid().transpose(0, 1)
        return self.last(y * sequence.sum(1)[:, :, None, None])


def test_what_is_left_out_is_said() -> None:
    torch.manual_seed(0)
    network = wrapped(OneSequence(False).eval(), (3, 12, 12))
    assert list(network.layers) == ["first", "last"]
    assert network.left_out == "1 layer without rows and columns, read the first"
    network = wrapped(OneSequence(True).eval(), (3, 12, 12))
    assert network.left_out.endswith("which makes one dimension of images and others")


def test_published_receptive_fields() -> None:
    alexnet = loaded("alexnet")
    sizes = [receptive_field(alexnet, f"conv{i}").size for i in range(1, 6)]
    assert sizes == [(n, n) for n in (11, 51, 99, 131, 163)]
    assert receptive_field(alexnet, "features.12").size == (195, 195)
    with pytest.raises(UsageError, match=r"features\.99"):
        receptive_field(alexnet, "features.99")


@pytest.mark.slow
def test_published_receptive_fields_of_vgg16() -> None:
    vgg16 = loaded("vgg16")
    assert list(vgg16.layers)[12] == "conv13"  # conv5_3
    assert receptive_field(vgg16, "conv13").size == (196, 196)
    assert receptive_field(vgg16, "features.30").size == (212, 212)  # pool5
