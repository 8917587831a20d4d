"""Every family of convolutional networks in torchvision is read, with all its kinds of layers.

One of each kind is built. Of the others, whose operations these have as well, a unit is projected
back, and compared with the model itself under autograd. What ``benchmarks/families.py`` builds are
the whole networks.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import atlas
from atlas.commands.cli import main
from atlas.networks import network as loading
from atlas.networks.network import Network
from atlas.reconstruction.recording import record
from benchmarks import families
from tests.support.eager import Ruled, outputs
from tests.support.networks import loaded
from tests.support.smaller import smaller_models

GATED = ("mobilenet_v3_small", "efficientnet_b0", "regnet_y_400mf")
# a sum, a concatenation, a shuffle, gates: what evidence meets in the others, too
TRIED = ("resnet18", "squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small")
BUILT = dict.fromkeys((*TRIED, *GATED, "alexnet", "densenet121", "googlenet", "convnext_tiny"))


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("model", BUILT)
def test_a_family_builds(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a few images, since every image of a unit goes the same way."""
    networks: list[Network] = []
    load = loading.load_network

    def loaded(*given: Any, **named: Any) -> Network:
        networks.append(load(*given, **named))
        return networks[-1]

    monkeypatch.setattr(loading, "load_network", loaded)
    limit, evidence = ("3", "all") if model in TRIED else ("2", "none")
    given = ["--experiments", "none", "--model", model, "--weights", "none"]
    given += ["--limit", limit, "--units", "1", "--evidence", evidence]
    if model in TRIED:
        given += ["--without", "strips,small,image-pages,quizzes,cards,unit-data,figures,jpeg"]
    else:
        given += ["--lean", "--tiles", "nominal"]  # close-ups go down once more, in the same way
    with smaller_models():
        assert main([*given, "--crop", "64", "--workers", "0", "--out", str(tmp_path)]) == 0
    facts = json.loads((tmp_path / model / "atlas.json").read_text())
    (network,) = networks
    assert facts["layers"] == list(network.layers)
    convolutions = [m for m in network.module.modules() if type(m).__name__ == "Conv2d"]
    kinds = [summary["kind"] for summary in facts["summary"]]
    assert kinds.count("convolution") >= len(convolutions)
    for layer in facts["layers"]:
        assert (tmp_path / model / layer / "0.html").is_file()
    row = families._row(model, families.Ran(0, "", 1.0, tmp_path / model))
    assert row and row.startswith(f"| {model} | {len(network.layers)} | ")
    assert ("gates see all" in row) == (model in GATED)


@pytest.mark.parametrize("model", [name for name in families.TORCHVISION if name not in BUILT])
def test_of_a_family_whose_kinds_are_built_a_unit_is_projected_back(model: str) -> None:
    side = 96 if model == "inception_v3" else 64
    network = loaded(model, crop=(side, side), double=True)
    modules = dict(network.module.named_modules())
    convolutions = [path for path, module in modules.items() if isinstance(module, nn.Conv2d)]
    shown = {layer.module: layer for layer in network.layers.values()}
    assert shown.keys() >= set(convolutions)
    deepest = shown[convolutions[-1]]
    x = torch.randn(1, 3, side, side, dtype=torch.float64, generator=torch.manual_seed(3))
    for rule in ("deconvnet", "gradient"):
        image = x.clone().requires_grad_()
        with Ruled(rule), outputs(network.module) as calls:
            network.module(image)
        recorded = record(network.graph, x, [deepest.node], rule).activations[deepest.node]
        same = [made for _, made in calls if made.shape == recorded.shape]
        maps = next(made for made in same if torch.allclose(made, recorded, rtol=1e-10, atol=0))
        unit = int(maps.flatten(2)[0].amax(1).argsort()[-3])
        row, column = divmod(int(maps[0, unit].argmax()), maps.shape[3])
        value = maps[0, unit, row, column]
        (expected,) = torch.autograd.grad(value, image, value.detach())
        ours = atlas.reconstruct(network, x[0], deepest.id, unit, (row, column), rule)
        assert (ours - expected[0]).abs().max() < 1e-10 * expected.abs().max()
