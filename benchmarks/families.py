"""Build an atlas of one model of every family in torchvision: ``python benchmarks/families.py``.

Runs the command itself on 64 pictures of the demo world with random weights, and writes a table
to ``docs/families.md``: layers, units, how far each stage sees, seconds. By default every layer
is built with two of its units; ``--units all`` builds every unit, which takes hours for the large
ones. A row that is there already with as many units is kept, so that a run can go on where one
stopped.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from atlas import data  # noqa: E402

TABLE = ROOT / "docs" / "families.md"
FAMILIES = (
    "alexnet", "vgg11", "vgg11_bn", "resnet18", "resnext50_32x4d", "wide_resnet50_2",
    "squeezenet1_1", "densenet121", "googlenet", "inception_v3", "mobilenet_v2",
    "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0",
    "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf", "convnext_tiny",
)  # fmt: skip
HEAD = """# Every family of torchvision

One model of every family of convolutional networks, built by `python build.py --model NAME
--weights none --images demo --limit 64` on two CPU cores, all layers. Written by
`python benchmarks/families.py`. *Shown* is how many units of each layer the build showed (its
option `--units`); the scan covers all of them in any case. *Sees* gives the size in pixels of the
nominal receptive field where each stage ends, and the stage's stride; a stage behind channel
attention sees the whole image.

| model | layers | units | shown | sees | seconds |
|---|---:|---:|---:|---|---:|
"""


def main() -> int:
    """Build what is asked for; returns 1 if a build fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=FAMILIES)
    parser.add_argument("--units", default="2", help="units shown of each layer, or 'all'")
    options = parser.parse_args()
    rows = _rows()
    failed = []
    for model in options.models or FAMILIES:
        if model in rows and options.units in (rows[model].split("|")[4].strip(), "2"):
            continue
        row = _build(model, options.units)
        if row is None:
            failed.append(model)
            continue
        rows[model] = row
        ordered = [rows[name] for name in FAMILIES if name in rows]
        TABLE.write_text(HEAD + "\n".join(ordered) + "\n", "utf-8")
        print(row, flush=True)
    print("failed:", ", ".join(failed) or "none")
    return bool(failed)


def _rows() -> dict[str, str]:
    lines = TABLE.read_text("utf-8").splitlines() if TABLE.is_file() else []
    found = [(re.match(r"\| (\w+) \| \d", line), line) for line in lines]
    return {match[1]: line for match, line in found if match}


def _build(model: str, units: str) -> str | None:
    with tempfile.TemporaryDirectory() as out:
        given = ["--model", model, "--weights", "none", "--images", "demo", "--limit", "64"]
        given += ["--out", out] + ([] if units == "all" else ["--units", units])
        started = time.perf_counter()
        ran = subprocess.run([sys.executable, str(ROOT / "build.py"), *given])
        seconds = time.perf_counter() - started
        if ran.returncode:
            return None
        atlas = data.read_atlas(Path(out) / model)
    total = sum(summary["units"] for summary in atlas.summary)
    sees: dict[int, int] = {}
    for summary in atlas.summary:
        field = summary["receptive_field"]
        if summary["kind"] != "linear":
            sees[field["stride"][0]] = field["size"][0]
    ordered = sorted(sees.items(), key=lambda item: item[0] or 999)
    stages = ", ".join(f"{n} (stride {s})" if s else "whole image" for s, n in ordered)
    count = f"{len(atlas.layers)} | {total}"
    return f"| {model} | {count} | {units} | {stages} | {seconds:.0f} |"


if __name__ == "__main__":
    sys.exit(main())
