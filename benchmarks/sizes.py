"""What the parts of an atlas were estimated to take, and what they take.

    python benchmarks/sizes.py site/demo [--images FOLDER]

The estimates are those of a build with the atlas's own settings.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from atlas.commands.inputs import images_of, masks_of, network_of
from atlas.commands.projecting import plan_of
from atlas.compute.stages import STAGES
from atlas.data.documents import read_atlas
from atlas.data.settings import Settings
from atlas.runtime.ranks import ALONE
from atlas.site.info import NO_INFO
from atlas.site.pages import PAGES
from atlas.site.render.base import Renderer
from atlas.site.render.view import AtlasView


def sizes(folder: Path, images: str | None) -> list[tuple[str, int, int, int]]:
    """The parts of the atlas in a folder: name, files, bytes as estimated and as written."""
    facts = read_atlas(folder)
    said = facts.settings | {"images": images or facts.settings["images"], "masks": None}
    known = {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()}
    settings = Settings(**known)
    found = images_of(settings)
    network = network_of(settings, ranks=ALONE)
    plan = plan_of(network, found, settings, masks=masks_of(settings, found))
    view = AtlasView.read(folder, Renderer(NO_INFO))
    rows, rest = [], {path for path in folder.rglob("*") if path.is_file()}
    for stage in STAGES:
        own = {path for pattern in stage.owned for path in folder.glob(pattern)} & rest
        rest -= own
        rows.append((stage.name, own, stage.estimate(plan)))
    for page in PAGES:
        own = {folder / file for file, _ in page.files(view)} & rest
        rest -= own
        rows.append((page.name, own, page.estimate(plan)))
    rows.append(("lists and facts", rest, 0))
    return [
        (name, len(own), about, sum(path.stat().st_size for path in own))
        for name, own, about in rows
    ]


def main() -> None:
    """Print a line for each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("atlas", type=Path)
    parser.add_argument("--images", help="the folder of images, where it wasn't the demo's")
    asked = parser.parse_args()
    rows = sizes(asked.atlas, asked.images)
    units = sum(one.shown for one in read_atlas(asked.atlas).summary)
    print(f"{'part':18} {'files':>6} {'estimated':>11} {'written':>11} {'ratio':>6} {'B/unit':>7}")
    total = ("all", *(sum(row[place] for row in rows) for place in (1, 2, 3)))
    for name, files, about, size in (*rows, total):
        ratio = f"{about / size:.2f}" if size else ""
        print(f"{name:18} {files:6} {about:11,} {size:11,} {ratio:>6} {size / units:7,.0f}")


if __name__ == "__main__":
    main()
