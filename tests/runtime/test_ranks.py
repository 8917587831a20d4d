"""Processes that build one atlas together, and how they part."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TASKS = Path("/proc/self/task")
PARTED = """
import sys
from pathlib import Path
from atlas.runtime import ranks

assert "torchvision" not in sys.modules  # it's imported when the first image is decoded
with ranks.of_torchrun() as ours:
    from torchvision.transforms.v2 import functional
    numbers = ours.gather(ours.rank)
    assert numbers == ([0, 1] if ours.leads else [])
    assert ours.share(ours.rank + 5) == 5
names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
assert not [name for name in names if "gloo" in name], names
"""


@pytest.mark.slow
@pytest.mark.skipif(not TASKS.is_dir(), reason="threads have no names here")
def test_ranks_that_have_parted_leave_no_threads(tmp_path: Path) -> None:
    """One that is still at work while Python ends may abort the process."""
    script = tmp_path / "parted.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{PARTED}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    common = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    ranks = [
        subprocess.Popen(
            [sys.executable, str(script)], stderr=subprocess.PIPE, text=True,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},  # as torchrun sets them
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [rank.communicate()[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], said
