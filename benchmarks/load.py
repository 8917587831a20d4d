"""What very much of everything costs: images, units of one layer, pages, and a search over units.

    python benchmarks/load.py scan wide search pages --site site/demo

- **scan**: 100,000 pictures, made as they are read, through the scan of a tiny network, and the
  memory of the process on the way.
- **wide**: the scan of a layer of 4,096 units, and the record of it.
- **search**: a search over 100,000 units, in the browser: milliseconds from a key to its results.
- **pages**: a finished atlas (``--site``) with its units repeated until there are 30,000: seconds
  and peak memory to write and check its pages.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("scan", "wide", "search", "pages")
KEYS = ("c", "co", "con", "conv", "conv1", "conv1/", "conv1/7", "unit 99", "stripe", "zzz")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--site", type=Path, default=Path("site/demo"), help="a finished atlas")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=4096, help="units of the wide layer")
    parser.add_argument("--units", type=int, default=100_000, help="units to search")
    parser.add_argument("--pages", type=int, default=30_000, help="units with pages")
    options = parser.parse_args()
    for part in options.parts or PARTS:
        print(f"{part}", flush=True)
        globals()[f"_{part}"](options)
    return 0


def _resident() -> float:
    """The memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


@dataclass
class Generated:
    """So many pictures of noise, ``side`` pixels wide, each made when it is read."""

    count: int
    side: int
    every: int
    begun: float

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> object:
        import numpy as np
        from PIL import Image

        if index and index % self.every == 0:
            seconds = time.monotonic() - self.begun
            print(f"  {index:9,} images  {seconds:7.1f} s  {_resident():7.1f} MB", flush=True)
        dice = np.random.default_rng(index)
        return Image.fromarray(dice.integers(0, 256, (self.side, self.side, 3), np.uint8))


def _scanned(count: int, units: int, side: int) -> None:
    import torch
    from torch import nn

    from atlas.images.preprocessing import Preprocessing
    from atlas.networks.batching import BATCH, Running, slots_of
    from atlas.networks.network import wrap
    from atlas.runtime.checkpoint import Checkpoint
    from atlas.scanning.scan import first_pass

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, units, 3, 2), nn.ReLU()
    ).eval()
    usual = Preprocessing(None, (side, side), (0.5,) * 3, (0.25,) * 3)
    network = wrap(model, usual)
    begun = time.monotonic()
    pictures = Generated(count, side, max(1, count // 20), begun)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "state.sqlite")
        running = Running(slots_of(network, BATCH))
        found = first_pass(network, pictures, checkpoint=checkpoint, running=running)
        seconds, size = time.monotonic() - begun, (Path(folder) / "state.sqlite").stat().st_size
    record = found.records[list(found.records)[-1]]
    bytes_ = sum(getattr(value, "nbytes", 8) for value in vars(record).values())
    print(
        f"  {count:9,} images  {seconds:7.1f} s  {_resident():7.1f} MB at the end; "
        f"checkpoint {size / 1e6:.1f} MB; {record.units:,} units, {bytes_ / 1e6:.1f} MB of record"
    )


def _scan(options: argparse.Namespace) -> None:
    _scanned(options.images, 16, 32)


def _wide(options: argparse.Namespace) -> None:
    _scanned(2048, options.width, 32)


def _search(options: argparse.Namespace) -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as scratch:
        name = options.site.name
        out = Path(scratch) / "site"
        kept = shutil.ignore_patterns("*.webp", "*.jpg", "*.html", "*.npz")
        shutil.copytree(options.site.parent, out, ignore=kept)
        shutil.copy(options.site.parent / "index.html", out)
        shutil.copy(ROOT / "templates" / "find.js", out)  # as it is now
        count = _search_of(out, name, options.units)
        with sync_playwright() as tool:
            browser = tool.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page()
            page.goto((out / "index.html").as_uri())
            page.keyboard.press("/")
            page.get_by_role("searchbox").wait_for()
            page.get_by_role("searchbox").fill("conv1/1")
            page.locator(".results a").first.wait_for()
            for key in KEYS:
                taken = sorted(page.evaluate(TYPED, key) for _ in range(5))
                found = page.locator(".search [role=status]").inner_text()
                print(
                    f"  {key!r:12} {sorted(taken)[2]:6.1f} ms, {max(taken):6.1f} at most: {found}"
                )
            print(f"  among {count:,} units")
            browser.close()


# from the key to its results laid out
TYPED = """text => {
  const input = document.querySelector("dialog.search input");
  input.value = "";
  input.dispatchEvent(new Event("input"));
  const begun = performance.now();
  input.value = text;
  input.dispatchEvent(new Event("input"));
  document.querySelector("dialog.search").getBoundingClientRect();
  return performance.now() - begun;
}"""


def _search_of(out: Path, name: str, units: int) -> int:
    """Repeat the units of an atlas until its search has so many; returns how many there are."""
    folder = out / name / "search"
    own = json.loads(_argument((folder / "0.js").read_text()).partition(",")[2])
    layers = [(layer, rows) for layer, rows in own["layers"] if rows]
    each = -(-units // len(layers))
    index = json.loads(_argument((out / "search.js").read_text()))
    (atlas_,) = [one for one in index["atlases"] if one["name"] == name]
    atlas_["shards"] = len(layers)
    atlas_["layers"] = [[layer, each] for layer, _ in layers]
    for number, (layer, rows) in enumerate(layers):
        more = [[n, *rows[n % len(rows)][1:]] for n in range(each)]
        shard = json.dumps({"classes": own["classes"], "layers": [[layer, more]]})
        (folder / f"{number}.js").write_text(f"atlasIndex({json.dumps(name)},{shard});\n")
    (out / "search.js").write_text(f"siteIndex({json.dumps(index)});\n")
    return each * len(layers)


def _argument(script: str) -> str:
    """What a script that is one call hands over."""
    return script[script.index("(") + 1 : script.rindex(")")]


def _pages(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=options.site.parent.parent) as scratch:
        out = Path(scratch) / "site"
        shutil.copytree(options.site.parent, out, copy_function=os.link)
        folder = out / options.site.name
        (folder / "atlas.json").unlink()  # which is written in place below: not the link's file
        shutil.copy(options.site / "atlas.json", folder)
        begun = time.monotonic()
        units = _repeated(folder, options.pages)
        print(f"  {units:,} units prepared in {time.monotonic() - begun:.1f} s", flush=True)
        ran = subprocess.run(
            [sys.executable, "-c", RENDER, str(out), options.site.name],
            cwd=ROOT,
            capture_output=True, text=True,
        )  # fmt: skip
        print("  " + (ran.stdout if ran.returncode == 0 else ran.stderr[-2000:]).strip())


RENDER = """
import resource, sys, time
from pathlib import Path
from atlas.site import checked_links
from atlas.site.assembling import whole
from atlas.site.info import SiteContents
from atlas.site.writing import write_pages

def used():
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)

out, name = Path(sys.argv[1]), sys.argv[2]
begun, processor = time.monotonic(), used()
count = write_pages(out / name)
written = time.monotonic() - begun
site = whole(out, contents=SiteContents(), name=name, folder=out / name)
checked_links.check(site.files, "", out / name)
seconds, processor = time.monotonic() - begun, used() - processor
own, other = (resource.getrusage(who).ru_maxrss / 1024
              for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(f"{count:,} files: written in {written:.0f} s, checked after {seconds:.0f} s in all "
      f"({processor:.0f} s of processors); {own:,.0f} MB at most, {other:,.0f} MB in another "
      "process, what they have in common counted twice")
"""


def _repeated(folder: Path, units: int) -> int:
    """Repeat the units of an atlas's layers until there are so many; returns how many there are."""
    from msgspec import structs

    from atlas.data.documents import read_atlas, read_layer
    from tests.support.documents import edit_atlas, write_layer

    facts = read_atlas(folder)
    each = -(-units // len(facts.summary))
    for summary in facts.summary:
        data = read_layer(folder, summary.layer)
        few = len(data.top)
        top = tuple(structs.replace(data.top[n % few], unit=n) for n in range(each))
        write_layer(folder, structs.replace(data, shape=(each, *data.shape[1:]), top=top))
        for path in list((folder / summary.layer).rglob("*")):
            if path.suffix in (".webp", ".jpg") and path.stem.isdigit():
                for n in range(int(path.stem) + few, each, few):
                    path.with_name(f"{n}{path.suffix}").hardlink_to(path)
    more = tuple(structs.replace(one, units=each, shown=each) for one in facts.summary)
    edit_atlas(folder, summary=more)
    return each * len(more)


if __name__ == "__main__":
    sys.exit(main())
