"""That the benchmarks run; how fast is no matter of tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_benchmark_runs_small(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "speed.py"), "--small",
         "--parts", "scan", "reconstruct", "memory", "--json", str(tmp_path / "figures.json")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert 0 < figures["scan"]["demo"]["ratio"] < 10
    for layer in ("conv1", "conv5"):
        assert figures["reconstruct"][f"demo {layer}"]["÷ Captum"] > 0
    assert figures["memory"]["ratio"] > 0
