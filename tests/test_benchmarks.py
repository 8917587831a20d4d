"""That the benchmarks run; how fast is no matter of tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import families, sizes, speed
from tests.support.browsers import CHROMIUM

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_benchmark_runs_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--small", "--parts", "scan", "reconstruct", "memory"]
    monkeypatch.setattr(sys, "argv", ["speed.py", *words, "--json", str(tmp_path / "figures.json")])
    assert speed.main() == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert 0 < figures["scan"]["demo"]["ratio"] < 10
    for layer in ("conv1", "conv5"):
        assert figures["reconstruct"][f"demo {layer}"]["÷ Captum"] > 0
    assert figures["memory"]["ratio"] > 0


@pytest.mark.slow
def test_a_network_gets_its_row_in_the_table_of_families_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "families.md"
    command = ["families.py", "--table", str(table), "timm:test_resnet"]
    monkeypatch.setattr(sys, "argv", command)
    assert families.main() == 0, capsys.readouterr().out
    row = table.read_text().splitlines()[-1]
    model, layers, units, sees, seconds, remark = row.strip("|").split("|")
    assert model.strip() == "timm:test_resnet" and (int(layers), int(units)) == (20, 2408)
    assert sees.split(", ")[0].strip() == "11 (stride 2)"
    assert float(seconds) > 0 and not remark.strip()
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", [*command, "nonesuch"])
    assert families.main() == 1
    said = capsys.readouterr().out
    assert row not in said and table.read_text().endswith(row + "\n")
    assert "failed: nonesuch" in said


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no browser: install Debian's chromium")
def test_the_live_page_s_engine_is_timed_in_a_browser() -> None:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    ran = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "live.py"), "--repeats", "1"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    times, back, apart = ran.stdout.splitlines()
    assert "compiled" in times and "plain" in times and "÷ forward" in back
    assert json.loads(apart.partition(": ")[2])["plain"] < 1e-5


def test_every_file_of_an_atlas_is_counted_once(site: Path) -> None:
    rows = sizes.sizes(site / "small", None)
    files = [path for path in (site / "small").rglob("*") if path.is_file()]
    assert sum(count for _, count, _, _ in rows) == len(files)
    assert sum(written for *_, written in rows) == sum(path.stat().st_size for path in files)
    assert {"reconstructions", "units", "scan"} <= {name for name, *_ in rows}
