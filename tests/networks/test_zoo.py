import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision

import atlas
from atlas.errors import AtlasError, UsageError
from atlas.networks import zoo
from tests.support.smaller import single_blocks

OWN = """
import torch
from torch import nn
from helper import WIDTH


def small():
    return nn.Sequential(nn.Conv2d(3, WIDTH, 3), nn.ReLU(), nn.Conv2d(WIDTH, 4, 3))


def grey():
    return nn.Sequential(nn.Conv2d(1, WIDTH, 3), nn.ReLU())


def broken():
    return nn.Conv2d(3, "four", 3)


def leaves():
    raise SystemExit(3)


def number():
    return 3


class Branching(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


def branching():
    return Branching()


def no_units():
    return nn.Sequential(nn.AvgPool2d(2))
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text("WIDTH = 6\n")
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    return path


def test_a_factory_in_a_file_of_ones_own(own: Path) -> None:
    network = atlas.load_network(f"{own}:small", seed=5)
    assert [layer.units for layer in network.layers.values()] == [6, 4]
    assert network.runs == own
    assert network.name == "mine.py:small"
    assert network.weights == "as mine.py makes them, seed 5"
    assert network.weights_hash == atlas.load_network(f"{own}:small", seed=5).weights_hash
    assert atlas.load_network(f"{own}:grey").preprocessing.mode == "L"


def test_nothing_is_left_beside_a_persons_file(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    atlas.load_network(f"{own}:small")
    assert {path.name for path in own.parent.iterdir()} == {"helper.py", "mine.py"}
    assert not sys.dont_write_bytecode


@pytest.mark.parametrize(
    ("factory", "kind", "words"),
    [
        ("broken", AtlasError, r"mine\.py:broken failed: TypeError: .*\(line 16\)"),
        ("leaves", AtlasError, r"mine\.py:leaves failed: SystemExit: 3"),
        ("number", AtlasError, "gave a int, not an nn.Module"),
        ("nothing", UsageError, "has no function 'nothing'"),
        ("branching", AtlasError, r"can't be traced by torch\.export.*line 29"),
        ("no_units", UsageError, "no convolution in it"),
    ],
)
def test_a_factory_that_fails_is_told_where(
    own: Path, factory: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as error:
        atlas.load_network(f"{own}:{factory}")
    assert "\n" not in str(error.value)


def test_files_and_packages_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        atlas.load_network(f"{tmp_path}/none.py:f")
    (tmp_path / "own.py").write_text("from torch import nn\nf = lambda: nn.Conv2d(3, 1, 1)")
    with pytest.raises(UsageError, match="nothing is published"):
        atlas.load_network(f"{tmp_path}/own.py:f", "default")


@pytest.mark.parametrize("name", zoo.names())
def test_every_name_has_a_recipe(name: str) -> None:
    assert isinstance(zoo.recipe(name), zoo.Recipe)


def test_published_weights_come_from_torchvision_or_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Weights of what only training uses are published, too; the network has no place for them."""
    published = torchvision.models.SqueezeNet1_1_Weights.DEFAULT
    recipe = zoo.recipe("squeezenet1_1")
    model, other = recipe.make(), recipe.make()
    assert recipe.publish is not None

    def download(*_: object, **__: object) -> dict[str, torch.Tensor]:
        return {**other.state_dict(), "aux.weight": torch.zeros(3)}

    monkeypatch.setattr(type(published), "get_state_dict", download)
    assert recipe.publish(model) == "torchvision SqueezeNet1_1_Weights.IMAGENET1K_V1"
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])

    def fails(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(type(published), "get_state_dict", fails)
    with pytest.raises(AtlasError, match=r"can't be downloaded from https://.*--weights none"):
        recipe.publish(model)


def test_published_weights_come_from_timm_or_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timm = pytest.importorskip("timm")
    recipe = zoo.recipe("timm:test_convnext")
    model, other = recipe.make(), recipe.make()
    assert recipe.publish is not None
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained: other)
    assert recipe.publish(model) == f"timm {other.pretrained_cfg['tag']}"
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])

    def fails(name: str, pretrained: bool) -> None:
        raise LookupError("no hub\nand more")

    monkeypatch.setattr(timm, "create_model", fails)
    with pytest.raises(AtlasError, match=r"timm can't get the weights of test_convnext: no hub$"):
        recipe.publish(model)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match=r"pip install timm"):
        zoo.recipe("timm:test_convnext")


@pytest.mark.slow
def test_timm_by_name() -> None:
    timm = pytest.importorskip("timm")
    small = {"preprocessing": {"crop": (64, 64)}}
    network = atlas.load_network("timm:resnet10t", "none", **small)
    config = timm.create_model("resnet10t").pretrained_cfg
    assert network.preprocessing.mean == tuple(config["mean"])
    assert network.preprocessing.interpolation == config["interpolation"]
    with pytest.raises(UsageError, match="did you mean resnet18"):
        atlas.load_network("timm:resnet18x")
    with single_blocks(), pytest.raises(UsageError, match="vision transformer"):
        atlas.load_network("timm:vit_tiny_patch16_224")


@pytest.mark.slow
def test_hybrids_have_the_layers_below_the_first_attention() -> None:
    pytest.importorskip("timm")
    small = {"preprocessing": {"crop": (64, 64)}}
    with single_blocks():
        network = atlas.load_network("timm:mobilevit_xxs", "none", **small)
    assert "stem.conv" in network.layers and "stages.1.1" in network.layers
    assert "matmul in stages.2.1.transformer.0.attn" in network.left_out or (
        "scaled_dot_product_attention in stages.2.1.transformer.0.attn" in network.left_out
    )
    assert "which mixes positions" in network.left_out
    attended = [name for name in network.layers if name.startswith(("stages.3", "stages.4"))]
    assert not attended and not any("transformer.0.attn.proj" in name for name in network.layers)
    assert atlas.load_network("timm:resnet10t", "none", **small).left_out == ""


def test_preprocessing_can_be_replaced() -> None:
    network = atlas.load_network("squeezenet1_1", preprocessing={"crop": (96, 128)})
    assert network.layers["features.0"].shape == (64, 47, 63)
    with pytest.raises(UsageError, match="96x96 input of 1 channels"):
        atlas.load_network("squeezenet1_1", preprocessing={"crop": (96, 96), "mode": "L"})
    with pytest.raises(UsageError, match="10x10 input"):
        atlas.load_network("squeezenet1_1", preprocessing={"crop": (10, 10)})
