"""What decides a network's numbers changes its identity, and nothing else does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

import atlas
from atlas.commands.cli import main
from atlas.data.documents import read_layer
from atlas.images.preprocessing import Preprocessing
from atlas.networks import origins
from atlas.networks.identity import graph_digest, identity
from atlas.networks.network import Network, wrap

MODEL = """
import torch
from torch import nn
from torch.nn import functional as F

import helper

SCALE = 2.0


def leaf(x):
    return helper.shifted(x) * SCALE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.second = nn.Conv2d(4, 5, 3)
        self.register_buffer("gain", torch.full((1,), 1.5), persistent=False)

    def forward(self, x):
        x = F.relu(self.first(x))
        x = leaf(self.up(x)) * self.gain
        return self.second(x * 0.5)


def make():
    return Net()
"""
HELPER = """
from deeper import OFFSET


def shifted(x):
    return x + OFFSET
"""
DEEPER = "OFFSET = 1.0\n"
FORWARD = (
    "return self.second(x * 0.5)",
    "# halve it\n        halved = (\n            x\n            * 0.5\n        )\n"
    "        return self.second(halved)",
)


def written(folder: Path, old: str = "", new: str = "") -> str:
    """The model's name, of files with a change in whichever holds ``old``."""
    folder.mkdir(parents=True)
    files = {"mine.py": MODEL, "helper.py": HELPER, "deeper.py": DEEPER}
    assert not old or any(old in text for text in files.values())
    for name, text in files.items():
        (folder / name).write_text(text.replace(old, new) if old else text)
    return f"{folder / 'mine.py'}:make"


@pytest.fixture(autouse=True)
def forget_modules() -> Iterator[None]:
    yield
    forget()


def forget() -> None:
    for helper in ("helper", "deeper"):  # each copy has its own
        sys.modules.pop(helper, None)


def of_file(name: str) -> dict[str, Any]:
    forget()
    network = atlas.load_network(name, preprocessing={"crop": (16, 16)})
    return identity(network)


def changed(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("F.relu", "F.silu"),
        ("x * 0.5", "x * 0.25"),
        ("* SCALE", "* SCALE * SCALE"),
        ("SCALE = 2.0", "SCALE = 4.0"),
        ("x + OFFSET", "x - OFFSET"),
        ("OFFSET = 1.0", "OFFSET = 3.0"),
        ("(1,), 1.5", "(1,), 2.5"),
        ("align_corners=False", "align_corners=True"),
    ],
)
def test_a_change_of_what_is_computed_changes_the_graph(tmp_path: Path, old: str, new: str) -> None:
    before = of_file(written(tmp_path / "before"))
    after = of_file(written(tmp_path / "after", old, new))
    assert changed(before, after) == {"graph"}


def test_comments_layout_and_names_change_nothing(tmp_path: Path) -> None:
    found = [of_file(written(tmp_path / "before"))]
    found.append(of_file(written(tmp_path / "layout", *FORWARD)))
    found.append(of_file(written(tmp_path / "names", "leaf", "moved")))
    found.append(
        of_file(written(tmp_path / "comment", "return x + OFFSET", "return x + OFFSET  # up"))
    )
    assert all(changed(found[0], other) == set() for other in found[1:])


PROGRAM = """
import json, sys
import atlas
from atlas.networks.identity import identity
network = atlas.load_network(sys.argv[1], preprocessing={"crop": (16, 16)})
print(json.dumps(identity(network)))
"""


@pytest.mark.slow
def test_two_processes_and_two_folders_agree(tmp_path: Path) -> None:
    """Whatever Python's hashes are."""
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", PROGRAM, written(tmp_path / "copy")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == of_file(written(tmp_path / "other"))


def small(leaf: nn.Module, side: int = 12, mean: float = 0.5) -> Network:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), leaf, nn.Conv2d(4, 2, 3)).eval()
    return wrap(model, Preprocessing(None, (side, side), (mean,) * 3, (0.5,) * 3))


FOREIGN = """
import torch
from torch import nn

@torch.library.custom_op("mine::{name}", mutates_args=())
def scaled(x: torch.Tensor) -> torch.Tensor:
    return x * {factor}

@scaled.register_fake
def _(x):
    return torch.empty_like(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return scaled(self.conv(x))

def make():
    return Net()
"""


def test_a_file_counts_whose_operators_no_library_has(tmp_path: Path) -> None:
    """What such an operator computes isn't in the graph."""
    digests = []
    for number, factor in enumerate((2, 3)):
        file = tmp_path / "model.py"
        file.write_text(FOREIGN.format(name=f"scaled{number}", factor=factor))
        network = atlas.load_network(f"{file}:make", preprocessing={"crop": (16, 16)})
        digests.append(graph_digest(network.graph, file))
        assert digests[-1] != graph_digest(network.graph)
    assert digests[0] != digests[1]


def test_a_part_without_gradients_counts() -> None:
    class Held(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                scale = x.mean((2, 3), keepdim=True) * self.factor
            with torch.enable_grad():
                return x * scale

    found = [identity(small(Held(factor))) for factor in (1.0, 1.0, 2.0)]
    assert changed(found[0], found[1]) == set() and changed(found[0], found[2]) == {"graph"}


def test_each_part_changes_alone() -> None:
    one = identity(small(nn.ReLU()))
    assert one == json.loads(json.dumps(one))
    heavier = small(nn.ReLU())
    with torch.no_grad():
        next(heavier.module.parameters()).mul_(2)
    assert changed(one, identity(heavier)) == {"weights"}
    assert changed(one, identity(small(nn.ReLU(), mean=0.25))) == {"preprocessing"}
    assert changed(one, identity(small(nn.ELU()))) == {"graph"}
    assert one["device"] == "cpu" and one["layers"] == ["conv1", "conv2"]


def test_a_library_counts_where_it_makes_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"preprocessing": {"crop": (64, 64)}}
    demo = atlas.load_network("demo")
    squeezenet = atlas.load_network("squeezenet1_1", "none", **small)
    before = [identity(demo), identity(squeezenet)]
    assert all(one["torch"] == torch.__version__ for one in before)
    monkeypatch.setattr(sys.modules["torchvision"], "__version__", "99")
    after = [identity(demo), identity(squeezenet)]
    assert [changed(a, b) for a, b in zip(before, after, strict=True)] == [set(), {"torchvision"}]


def test_timm_counts_where_it_makes_the_model() -> None:
    timm = pytest.importorskip("timm")
    found = identity(atlas.load_network("timm:resnet10t", "none", preprocessing={"crop": (64, 64)}))
    assert found["timm"] == timm.__version__ and "torchvision" not in found


def test_where_code_comes_from() -> None:
    assert origins.library_of(torch.nn.functional.__file__) == "torch"
    assert origins.library_of(__file__) is None and origins.is_own(__file__)
    assert origins.is_standard(json.__file__) and not origins.is_standard(torch.__file__)
    assert origins.is_installed(pytest.__file__) and not origins.is_installed(json.__file__)


@pytest.mark.slow
def test_an_edited_model_is_built_again(tmp_path: Path) -> None:
    """The same weights, the same modules, and another function in ``forward``."""
    images = tmp_path / "images"
    images.mkdir()
    for index in range(3):
        Image.new("RGB", (16, 16), (90 * index, 30, 60)).save(images / f"{index}.png")
    network = atlas.load_network(written(tmp_path / "once"), preprocessing={"crop": (16, 16)})
    save_file(network.module.state_dict(), tmp_path / "weights.safetensors")
    file, values = tmp_path / "mine.py", []
    plain = MODEL.replace("leaf(self.up(x))", "self.up(x)").replace("import helper\n", "")
    options = ["--experiments", "none", "--evidence", "none", "--lean", "--units", "1"]
    options += ["--images", str(images), "--crop", "16", "--workers", "0", "--name", "mine"]
    options += ["--weights", str(tmp_path / "weights.safetensors"), "--out", str(tmp_path / "site")]
    for text in (plain, plain.replace("F.relu", "F.silu")):
        file.write_text(text.replace("return helper.shifted(x) * SCALE", "return x"))
        assert main(["--model", f"{file}:make", *options]) == 0
        layer = read_layer(tmp_path / "site" / "mine", "first")
        values.append([unit.nine[0].value if unit.nine else 0 for unit in layer.top])
    assert values[0] != values[1]
