"""Weights from the way of training: found, put in order, and put into the network's graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from atlas.errors import AtlasError, UsageError
from atlas.images.preprocessing import Preprocessing
from atlas.networks.checkpoints import Checkpoints, in_order, moments, open_checkpoints
from atlas.networks.network import Network, wrap

SEES = Preprocessing(None, (12, 10), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def tiny(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, bias=False),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 5, 3),
    )
    module[1].running_mean.normal_()
    return wrap(module.eval(), SEES, "tiny")


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["epoch10", "epoch2", "epoch1"], ["epoch1", "epoch2", "epoch10"]),
        (["b1", "a10", "a9"], ["a9", "a10", "b1"]),
        (["7-x", "x-7", "10-x"], ["7-x", "10-x", "x-7"]),
        (["e1s10", "e1s9", "e01s9"], ["e01s9", "e1s9", "e1s10"]),
        (["step", "step3", "²"], ["step", "step3", "²"]),
    ],
)
def test_names_are_in_the_order_that_people_mean(names: list[str], ordered: list[str]) -> None:
    assert in_order(names) == ordered
    assert in_order(reversed(names)) == ordered


def test_a_folder_is_searched_for_weights(tmp_path: Path) -> None:
    for name in ("e10.pt", "e9.safetensors", ".e8.pt", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "e7.pt").mkdir()
    assert open_checkpoints(tmp_path).files == ("e9.safetensors", "e10.pt")
    with pytest.raises(UsageError, match="there is no such folder"):
        open_checkpoints(tmp_path / "none")
    with pytest.raises(UsageError, match="no weights in it"):
        open_checkpoints(tmp_path / "e7.pt")


def test_an_identity_tells_contents_names_and_absence(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"1")
    (tmp_path / "b.pt").write_bytes(b"2")
    seen = [open_checkpoints(tmp_path).identity()]
    (tmp_path / "b.pt").write_bytes(b"3")
    seen.append(open_checkpoints(tmp_path).identity())
    (tmp_path / "b.pt").rename(tmp_path / "c.pt")
    seen.append(open_checkpoints(tmp_path).identity())
    (tmp_path / "c.pt").unlink()
    seen.append(open_checkpoints(tmp_path).identity())
    assert all(one != other for n, one in enumerate(seen) for other in seen[n + 1 :])


def test_each_moment_computes_what_the_module_with_its_weights_does(tmp_path: Path) -> None:
    network = tiny()
    others = {f"e{n}": tiny(n).module for n in (2, 10)}
    for name, module in others.items():
        torch.save({"epoch": 1, "model": module.state_dict()}, tmp_path / f"{name}.pt")
    save_file(network.module.state_dict(), tmp_path / "e11.safetensors")  # its own weights
    course = moments(network, open_checkpoints(tmp_path))
    assert [one.name for one in course] == ["e2", "e10", ""]
    inputs = torch.randn(2, 3, *SEES.crop)
    for one, module in zip(course, [*others.values(), network.module], strict=True):
        with torch.no_grad():
            assert torch.equal(one.graph.outputs(inputs)[0], module(inputs))
    assert course[-1].graph is network.graph


def test_a_checkpoint_that_is_wrong_is_named(tmp_path: Path) -> None:
    network, state = tiny(), tiny(1).module.state_dict()
    some = {name: value for name, value in state.items() if "3." not in name}
    torch.save(some, tmp_path / "a.pt")
    torch.save(state | {"3.weight": torch.zeros(5, 4, 1, 1)}, tmp_path / "b.pt")
    with pytest.raises(AtlasError, match=r"a\.pt lacks the weights of 3"):
        moments(network, Checkpoints(tmp_path, ("a.pt",)))
    with pytest.raises(AtlasError, match=r"b\.pt doesn't fit tiny: 3\.weight is"):
        moments(network, Checkpoints(tmp_path, ("b.pt",)))
    lacking = replace(network, missing=("3",))  # as the network itself does
    assert len(moments(lacking, Checkpoints(tmp_path, ("a.pt",)))) == 2
