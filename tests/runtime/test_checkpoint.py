from pathlib import Path

import numpy as np
import pytest

from atlas.runtime.checkpoint import Checkpoint


def test_what_was_committed_is_kept_and_nothing_else(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state")
    checkpoint["scanned"] = 64
    checkpoint.keep("conv1 value", np.arange(6, dtype=np.float32).reshape(2, 3))
    checkpoint.commit()
    checkpoint["scanned"] = 128
    checkpoint.close()
    again = Checkpoint(tmp_path / "state")
    assert again["scanned"] == 64 and again["visited"] is None
    found = again.array("conv1 value")
    assert found.dtype == np.float32 and found.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(KeyError, match="conv2"):
        again.array("conv2 value")


def test_it_needs_no_file() -> None:
    checkpoint = Checkpoint()
    checkpoint["a"] = {"b": [1, None]}
    assert checkpoint["a"] == {"b": [1, None]}
