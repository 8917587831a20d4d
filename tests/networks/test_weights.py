import gzip
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from atlas.errors import AtlasError, UsageError
from atlas.networks.weights import fit, read


def model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def test_a_state_dict_and_safetensors_give_the_same(tmp_path: Path) -> None:
    state = model().state_dict()
    torch.save(state, tmp_path / "w.pt")
    save_file(state, tmp_path / "w.safetensors")
    for name in ("w.pt", "w.safetensors"):
        found = read(tmp_path / name)
        assert found.keys() == state.keys()
        assert all(torch.equal(found[key], state[key]) for key in state)


@pytest.mark.parametrize("prefix", ["", "model.", "module.", "net.backbone."])
def test_a_training_checkpoint_with_a_prefix(tmp_path: Path, prefix: str) -> None:
    source, target = model(), model()
    state = {prefix + key: value for key, value in source.state_dict().items()}
    if prefix:
        state["loss.weight"] = torch.ones(2)
    checkpoint = {
        "epoch": 3,
        "optimizer_state": {"state": {}, "param_groups": []},
        "state_dict": state,
    }
    path = tmp_path / "last.ckpt"
    torch.save(checkpoint, path)
    assert fit(target, read(path), path=path, name="mine") == ()
    for key, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], value)


def test_modules_without_weights_are_named(tmp_path: Path) -> None:
    state = {key: value for key, value in model().state_dict().items() if key.startswith("0.")}
    assert fit(model(), state, path=tmp_path, name="mine") == ("1", "2")


def test_mismatches_are_a_short_list(tmp_path: Path) -> None:
    state = dict(model().state_dict())
    state["0.weight"] = torch.zeros(4, 3, 5, 5)
    state |= {f"head.{i}": torch.zeros(1) for i in range(9)}
    with pytest.raises(AtlasError) as error:
        fit(model(), state, path=Path("w.pt"), name="mine")
    assert str(error.value) == (
        "w.pt doesn't fit mine: 0.weight is [4, 3, 5, 5], not [4, 3, 3, 3]; "
        "head.0 is not in mine; head.1 is not in mine and 7 more"
    )
    with pytest.raises(AtlasError, match="none of its names"):
        fit(model(), {}, path=Path("w.pt"), name="mine")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_named(number: float) -> None:
    state = model().state_dict()
    name = next(iter(state))
    state[name] = state[name].clone()
    state[name].view(-1)[1:3] = number
    with pytest.raises(AtlasError, match=rf"w\.pt: 2 of \d+ numbers of {name} are not finite"):
        fit(model(), state, path=Path("w.pt"), name="mine")


class Evil:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("was-run"),))


def test_files_that_are_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "none.pt")
    (tmp_path / "bad.pt").write_bytes(b"nonsense")
    with pytest.raises(AtlasError, match=r"bad\.pt can't be read as weights"):
        read(tmp_path / "bad.pt")
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    with pytest.raises(AtlasError, match="holds no dictionary of weights"):
        read(tmp_path / "empty.pt")
    torch.save({"state": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(AtlasError, match="can't be read as weights"):
        read(tmp_path / "evil.pt")
    torch.save({"nested": {"deeper": [Evil()]}}, tmp_path / "nested.pth")
    shutil.copy(tmp_path / "evil.pt", tmp_path / "renamed.safetensors")
    with gzip.open(tmp_path / "squeezed.pt", "wb") as file:
        file.write(pickle.dumps(Evil()))
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Evil()))
    torch.save(Evil(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(tmp_path / "archive.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Evil()))
        archive.writestr("archive/version", "3")
    for name in (
        "nested.pth",
        "renamed.safetensors",
        "squeezed.pt",
        "plain.pt",
        "old.pt",
        "archive.pt",
    ):
        with pytest.raises(AtlasError, match="can't be read as weights"):
            read(tmp_path / name)
    assert not (tmp_path / "was-run").exists()
    pickle.loads(pickle.dumps(Evil()))  # which would have been seen
    assert (tmp_path / "was-run").exists()
