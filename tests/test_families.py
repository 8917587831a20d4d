"""Every family of convolutional networks in torchvision builds, each with all its kinds of layers.

What ``benchmarks/families.py`` builds are the whole networks.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from atlas.commands.cli import main
from atlas.networks import network as loading
from atlas.networks.network import Network
from benchmarks import families
from tests.support.smaller import smaller_models

# a sum, a concatenation, a shuffle, gates: what evidence meets in the others, too
GATED = ("mobilenet_v3_small", "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf")
TRIED = ("resnet18", "squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small")


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("model", families.TORCHVISION)
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
    if model not in TRIED:
        given += ["--tiles", "nominal"]  # close-ups go down once more, in the same way
    side = 96 if model == "inception_v3" else 64
    with smaller_models():
        assert main([*given, "--crop", str(side), "--workers", "0", "--out", str(tmp_path)]) == 0
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
