"""What the evidence says, and what it costs.

    python benchmarks/evidence.py table site/demo     the mean of every measure, layer by layer
    python benchmarks/evidence.py concepts            do the demo's concepts hold on fresh pictures?
    python benchmarks/evidence.py cost [OPTIONS]      build with and without it, by these options

``concepts`` exits with 1 where fewer than half of the units of conv4 and conv5 are named, or where
fewer than four in five of their names hold; ``cost`` where evidence takes more than the rest.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import atlas
from atlas.data import documents
from atlas.data.measures import MEASURES, mean
from atlas.data.settings import HOME
from atlas.evidence import concepts
from atlas.images.masks import DemoMasks
from atlas.images.sources import DemoImages
from atlas.networks.batching import BATCH, Running, slots_of
from atlas.site import phrases

FRESH_SEED = 4_321
DEEP = ("conv4", "conv5")


def main() -> int:
    """Do as the arguments say."""
    what, *rest = sys.argv[1:] or [""]
    if what == "table" and len(rest) == 1:
        return table(Path(rest[0]))
    if what == "concepts" and not rest:
        return hold()
    if what == "cost":
        return cost(rest)
    print(__doc__, file=sys.stderr)
    return 2


def table(folder: Path) -> int:
    """Print the mean of every measure over the units of each layer."""
    found = documents.read_atlas(folder)
    sizes = found.images.class_sizes
    measures = [measure.name for measure in MEASURES]
    others = ("fires", "outside", "effect.", "chance", "alike", "named")
    heads = [name.replace("elsewhere", "e")[:7] for name in (*measures, *others)]
    print(f"{'layer':24} {'units':>6} " + " ".join(f"{head:>7}" for head in heads))
    for name in found.layers:
        layer = documents.read_layer(folder, name)
        tried = [unit.evidence for unit in layer.top if unit.evidence]
        alive = [unit for unit in layer.top if unit.nine]
        compared = found.concepts and layer.shape[1:] != (1, 1)
        agreeing = [(len(unit.nine), unit.commonest[1]) for unit in alive if unit.commonest]
        figures = [
            *(_mean(mean(one[measure]) for one in tried) for measure in measures),
            _mean(unit.fired / layer.images for unit in layer.top),
            _mean(unit.outside for unit in alive),
            _mean(unit.drawn_on for unit in alive),
            _mean(phrases.chance_of(sizes, nine, most) for nine, most in agreeing)
            if sizes
            else None,
            _mean(unit.alike[0][2] for unit in alive if unit.alike),
            _mean(float(bool(unit.concepts)) for unit in layer.top) if compared else None,
        ]
        row = " ".join("      –" if f is None else f"{f:7.2f}" for f in figures)
        print(f"{name:24} {len(layer.top):6} {row}")
    return 0


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return statistics.fmean(there) if there else None


def hold() -> int:
    """Name the demo's units on the atlas's pictures, and see whether the names hold on others."""
    network = atlas.load_network("demo")
    found = []
    for images in (DemoImages(2_400), DemoImages(2_400, seed=FRESH_SEED)):
        masks = DemoMasks(images)
        chosen = concepts.choose(masks)
        layers = list(network.layers.values())
        running = Running(slots_of(network, BATCH), workers=2)
        found.append(
            concepts.overlaps(network, images, masks, layers=layers, chosen=chosen, running=running)
        )
    first, fresh = found
    print("layer  units  named  concepts  on fresh pictures: the best again, beats chance again")
    named_of, holds = [], []
    for layer, overlap in first.of_layers.items():
        labels = concepts.labels(first.names, overlap)
        named = {unit: label[0][0] for unit, label in enumerate(labels) if label}
        again = fresh.of_layers[layer]
        column = {unit: fresh.names.index(name) for unit, name in named.items()}
        best = [bool(again.real[u].argmax() == c) for u, c in column.items()]
        beats = [bool(again.real[u, c] > again.chance[u].max()) for u, c in column.items()]
        print(
            f"{layer:6} {len(labels):5}  {len(named):5}  {len(set(named.values())):8}  "
            f"{sum(best)} of {len(best)}, {sum(beats)} of {len(beats)}"
        )
        if layer in DEEP:
            named_of.append(len(named) / len(labels))
            holds += best
    share = statistics.fmean(holds)
    print(f"of the names in {' and '.join(DEEP)} {share:.0%} are the best again")
    return int(min(named_of) <= 0.5 or share < 0.8)


def cost(options: list[str], repeats: int = 3) -> int:
    """Build in turn without evidence and with it, and compare the times."""
    ratios = []
    for _ in range(repeats):
        seconds = []
        for evidence in ("none", "all"):
            with tempfile.TemporaryDirectory() as out:
                command = [sys.executable, str(HOME / "build.py"), *options, "--out", out]
                started = time.perf_counter()
                subprocess.run([*command, "--evidence", evidence], check=True, capture_output=True)
                seconds.append(time.perf_counter() - started)
        ratios.append(seconds[1] / seconds[0] - 1)
        print(f"without {seconds[0]:.1f} s, with {seconds[1]:.1f} s: {ratios[-1]:+.0%}", flush=True)
    middle = statistics.median(ratios)
    print(f"evidence adds {middle:.0%} (least {min(ratios):.0%}, greatest {max(ratios):.0%})")
    return int(middle > 1)


if __name__ == "__main__":
    raise SystemExit(main())
