"""Compare two atlases, or two versions of this program, number by number and byte by byte.

    python benchmarks/compare_atlases.py atlases SITE/demo OTHER/demo
    python benchmarks/compare_atlases.py record arrays.npz --model demo
    python benchmarks/compare_atlases.py arrays arrays.npz others.npz

``atlases`` compares what two folders hold of every unit (values, images, positions, boxes, and all
else that is data), and the bytes of every picture. ``record`` writes top nines, and reconstructions
before they are drawn, to a file; it uses nothing but the library's face, so it runs on any version:
run it in the checkout of each (``PYTHONPATH=. python .../compare_atlases.py record ...``) and
compare the files with ``arrays``. The exit code is 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

DOCUMENTS = ("nine", "reconstructions", "connections", "together", "examples", "concepts")
PICTURES = (".webp", ".jpg", ".png", ".svg")


def main() -> int:
    """Compare what the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind in ("atlases", "arrays"):
        compared = kinds.add_parser(kind)
        compared.add_argument("one", type=Path)
        compared.add_argument("other", type=Path)
    recorded = kinds.add_parser("record")
    recorded.add_argument("to", type=Path)
    recorded.add_argument("--model", default="demo")
    recorded.add_argument("--weights")
    recorded.add_argument("--images", type=Path, help="a folder; the demo's pictures by default")
    recorded.add_argument("--count", type=int, default=64, help="images (default: 64)")
    recorded.add_argument("--units", type=int, default=4, help="reconstructed of each layer")
    options = parser.parse_args()
    if options.kind == "record":
        record(options)
        return 0
    differences = (compare_atlases if options.kind == "atlases" else compare_arrays)(
        options.one, options.other
    )
    for line in differences[:20]:
        print(line)
    print(f"{len(differences)} differences")
    return 1 if differences else 0


def compare_atlases(one: Path, other: Path) -> list[str]:
    """What differs between two atlases' folders."""
    found, counts = [], Counter[str]()
    units, others = units_of(one), units_of(other)
    for name in sorted(units.keys() | others.keys()):
        if name not in units or name not in others:
            found.append(f"{name} is in {one if name in units else other} alone")
            continue
        counts["units"] += 1
        counts["winners"] += len(units[name]["nine"])
        for key in sorted(units[name].keys() | others[name].keys()):
            if units[name].get(key) != others[name].get(key):
                found.append(f"{name}: {key} differs")
    pictures, there = pictures_of(one), pictures_of(other)
    for file in sorted(pictures.keys() | there.keys()):
        if file not in pictures or file not in there:
            found.append(f"{file} is in {one if file in pictures else other} alone")
        elif pictures[file].read_bytes() != there[file].read_bytes():
            found.append(f"{file} differs")
        counts[f"pictures {Path(file).suffix}"] += 1
    print("compared:", ", ".join(f"{count:,} {what}" for what, count in counts.items()))
    return found


def units_of(folder: Path) -> dict[str, dict[str, Any]]:
    """All that an atlas's data say of each unit, by ``LAYER/UNIT``."""
    atlas = json.loads((folder / "atlas.json").read_text("utf-8"))
    units: dict[str, dict[str, Any]] = {}
    for layer in atlas["layers"]:
        if atlas["schema"] <= 3:  # everything stood in one file
            top = json.loads((folder / layer / "layer.json").read_text("utf-8"))["top"]
            units |= {f"{layer}/{unit['unit']}": unit for unit in top}
            continue
        for name in DOCUMENTS:
            path = folder / layer / f"{name}.json"
            said = json.loads(path.read_text("utf-8"))["units"] if path.is_file() else []
            for unit in said:
                units.setdefault(f"{layer}/{unit['unit']}", {}).update(unit)
    shown = {name: unit for name, unit in units.items() if "nine" in unit}
    return {name: _levelled(unit) for name, unit in shown.items()}


def _levelled(unit: dict[str, Any]) -> dict[str, Any]:
    """A unit with its samples in the form they have had since schema 4."""
    samples = [
        sample
        if sample.keys() <= {"percent", "winner"}
        else {
            "percent": sample["percent"],
            "winner": {key: value for key, value in sample.items() if key != "percent"},
        }
        for sample in unit.get("spectrum", [])
    ]
    levelled = [{"winner": None, **sample} for sample in samples]
    return {"concepts": [], "evidence": None, **unit, "spectrum": levelled}


def pictures_of(folder: Path) -> dict[str, Path]:
    """Every picture of an atlas, by its address."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.suffix in PICTURES
    }


def record(options: argparse.Namespace) -> None:
    """Write the top nines and some reconstructions of a network on images to a file."""
    sys.path.insert(0, ".")
    from PIL import Image

    import atlas

    network = atlas.load_network(options.model, options.weights)
    images: Any
    if options.images is None:
        try:
            from atlas.images.sources import DemoImages
        except ImportError:  # before there were wings
            from atlas.images import DemoImages  # type: ignore[attr-defined,no-redef]
        images = DemoImages(options.count)
    else:
        paths = sorted(p for p in options.images.rglob("*") if p.suffix.lower() in (".jpg", ".png"))
        few = [paths[n * len(paths) // options.count] for n in range(options.count)]
        images = [Image.open(path) for path in few]
    arrays: dict[str, np.ndarray] = {}
    for name, top in atlas.scan(network, images).records.items():
        arrays |= {f"{name} value": top.value, f"{name} image": top.image}
        arrays |= {f"{name} position": top.position, f"{name} fired": top.fired}
        arrays |= {f"{name} counts": top.counts, f"{name} sketch": top.sketch}
        for unit in range(0, len(top.fired), max(1, len(top.fired) // options.units)):
            if top.fired[unit]:
                row, column = (int(n) for n in top.position[unit, 0])
                stimulus = network.preprocessing.stimulus(images[int(top.image[unit, 0])])
                for rule in ("deconvnet", "guided", "gradient"):
                    picture = atlas.reconstruct(network, stimulus, name, unit, (row, column), rule)
                    arrays[f"{name}/{unit} {rule}"] = picture.numpy()
    np.savez_compressed(options.to, **arrays)
    print(f"{len(arrays):,} arrays of {len(network.layers)} layers in {options.to}")


def compare_arrays(one: Path, other: Path) -> list[str]:
    """Which arrays of two files differ, in any bit."""
    with np.load(one) as arrays, np.load(other) as others:
        names = sorted(set(arrays.files) | set(others.files))
        print(f"compared: {len(names):,} arrays")
        return [
            f"{name} differs"
            for name in names
            if name not in arrays.files
            or name not in others.files
            or arrays[name].tobytes() != others[name].tobytes()
        ]


if __name__ == "__main__":
    sys.exit(main())
