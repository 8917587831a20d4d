"""An atlas with every experiment: the demo network and a dozen small pictures of two classes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from PIL import Image

from atlas.commands import cli
from atlas.data.experiments.table import ALL, NAMES
from atlas.demo import world
from atlas.images.sources import DemoImages

CLASSES, EACH = ("dog", "bicycle"), 6
NAME = "small"


def inputs(folder: Path) -> None:
    """The pictures, and the masks of their parts."""
    images = DemoImages(EACH * len(world.CLASSES))
    for index in range(len(images)):
        if images.label(index) not in CLASSES:
            continue
        path = folder / "pictures" / images.name(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        images[index].save(path)
        drawing = world.draw(images.seed, images.first + index, masks=True)
        for part, mask in drawing.masks.items():
            path = folder / "masks" / part / images.name(index)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).convert("L").save(path)


def command(given: Path, out: Path, experiments: str) -> list[str]:
    """The command that builds the atlas from inputs, with these experiments."""
    subjects = ",".join(sorted(f"{label}/*{_first(label)}.png" for label in CLASSES))
    return [
        "--images", str(given / "pictures"), "--masks", str(given / "masks"),
        "--model", "demo", "--resize", "64", "--crop", "64", "--layers", "conv1,conv5,scores",
        "--units", "3", "--lean", "--subjects", subjects, "--workers", "0", "--name", NAME,
        "--experiments", experiments, "--out", str(out),
    ]  # fmt: skip


def _first(label: str) -> int:
    return list(world.CLASSES).index(label)


def bare(given: Path, out: Path) -> None:
    """The site of a finished atlas of these inputs, without any experiment."""
    assert cli.main(command(given, out, "none")) == 0


def one_after_another(given: Path, site: Path, folder: Path) -> None:
    """A copy of that site with all experiments, each added by a command of its own.

    ``written.json`` says for each which files of data and pictures that wrote.
    """
    out = folder / "site"
    shutil.copytree(site, out)
    written = {}
    for count, name in enumerate(NAMES, 1):
        before = _data(out / NAME)
        # the last command is that which asks for all at once
        asked = ALL if count == len(NAMES) else ",".join(NAMES[:count])
        assert cli.main(command(given, out, asked)) == 0
        after = _data(out / NAME)
        written[name] = sorted(file for file in after if after[file] != before.get(file))
    (folder / "written.json").write_text(json.dumps(written))


def _data(atlas: Path) -> dict[str, int]:
    """When each file of data and pictures was written."""
    return {
        path.relative_to(atlas).as_posix(): path.stat().st_mtime_ns
        for path in atlas.rglob("*")
        if path.suffix in (".json", ".npz", ".webp") and not path.name.startswith(".")
    }
