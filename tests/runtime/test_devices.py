"""Devices that this machine may not have: what is asked of them."""

import pytest
import torch

from atlas.runtime import device_memory, ranks


def test_that_a_devices_memory_ran_out_is_known_by_its_error() -> None:
    mps = "MPS backend out of memory (MPS allocated: 9.05 GB, max allowed: 9.07 GB)"
    assert device_memory.ran_out(torch.OutOfMemoryError("CUDA out of memory"))
    assert device_memory.ran_out(RuntimeError(mps))
    assert not device_memory.ran_out(RuntimeError("shapes don't fit"))
    assert not device_memory.ran_out(MemoryError("MPS backend out of memory"))
    device_memory.release()  # with no such device, too


def test_ranks_share_the_gpus_of_their_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert ranks.local_device("cuda") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert [ranks.local_device(one) for one in ("cuda", "cuda:0", "cpu")] == [
        "cuda:1", "cuda:0", "cpu",
    ]  # fmt: skip
