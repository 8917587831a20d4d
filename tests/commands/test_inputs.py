"""What settings name: the checkpoints of a network's training, and a device."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from atlas.commands import inputs
from atlas.data.file_digests import digest_of_file
from atlas.data.settings import Settings
from atlas.demo.files import WEIGHTS
from atlas.errors import UsageError


def test_the_demos_checkpoints_count_with_the_weights_that_their_training_ended_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "DEMO_CHECKPOINTS", tmp_path)
    assert inputs.checkpoints_of(Settings()) is None  # there are none
    (tmp_path / "step5.safetensors").write_bytes(b"")
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"weights": digest_of_file(WEIGHTS)}))
    found = inputs.checkpoints_of(Settings())
    assert found is not None and found.files == ("step5.safetensors",)
    for other in (Settings(weights="none"), Settings(model="alexnet"), Settings(weights="a.pt")):
        assert inputs.checkpoints_of(other) is None
    record.write_text(json.dumps({"weights": "those of another training"}))
    assert inputs.checkpoints_of(Settings()) is None


def test_a_folder_that_is_given_has_to_have_some(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"")
    found = inputs.checkpoints_of(Settings(model="alexnet", checkpoints=tmp_path))
    assert found is not None and found.root == tmp_path
    with pytest.raises(UsageError, match="--checkpoints"):
        inputs.checkpoints_of(Settings(checkpoints=tmp_path / "none"))


@pytest.mark.parametrize(
    ("there", "auto"),
    [((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda"), (("cuda", "mps"), "cuda")],
)
def test_a_device_is_taken_that_is_there(
    there: tuple[str, ...], auto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "has_no_accelerator", lambda: not there)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in there)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in there)
    assert inputs.device("auto") == auto and inputs.device("cpu") == "cpu"
    for name in ("cuda", "cuda:1", "mps"):
        if name.partition(":")[0] in there:
            assert inputs.device(name) == name
        else:
            with pytest.raises(UsageError, match=f"--device {name}: this machine has none"):
                inputs.device(name)
