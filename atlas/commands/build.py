"""``build.py``, ``build.py build``: load, compute, render, publish."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from atlas import __version__
from atlas.commands.config import Config, read_config
from atlas.commands.contents import build_date, contents_of
from atlas.commands.parser import Command, Parser, add_options, given
from atlas.data.settings import HOME, OPTIONS, Settings
from atlas.errors import UsageError
from atlas.site.info import SiteContents

if TYPE_CHECKING:  # at run time they come with torch, which --help needn't wait for
    from atlas.images.masks import Masks
    from atlas.images.sources import DemoImages, Folder
    from atlas.networks.network import Network
    from atlas.runtime.ranks import Ranks


def add(parser: Parser) -> None:
    """Add all options of the build."""
    add_options(parser, [one.name for one in OPTIONS])
    parser.add_argument("--version", action="version", version=f"CNN Atlas {__version__}")


def run(asked: argparse.Namespace) -> int:
    """Build the atlas that options ask for; all of the configuration's, if they ask for none."""
    from atlas.runtime.ranks import of_torchrun

    said = given(asked)
    config = _config(said.get("config"))
    contents = contents_of(Settings(**said), config)
    tables = config.atlases if config.atlases and not asks_for_one(said) else [{}]
    warnings.filterwarnings("ignore", category=UserWarning, module="torch")
    with of_torchrun() as ranks:
        for table in tables:
            _build(Settings(**{**table, **said}), contents, ranks)
    return 0


def asks_for_one(names: Iterable[str]) -> bool:
    """Whether settings that were given, by name, say which atlas to build."""
    which = {one.name for one in OPTIONS if one.scope == "atlas"}
    return not which.isdisjoint(names)


def _config(path: Path | None) -> Config:
    if path is not None and not path.is_file():
        raise UsageError(f"--config {path}: no such file")
    path = path or HOME / "atlas.toml"
    return read_config(path) if path.is_file() else Config()


def _build(settings: Settings, contents: SiteContents, ranks: Ranks) -> None:
    """Load, compute, render, publish; the last two at rank 0 alone, where there are several."""
    started = time.perf_counter()
    from atlas.commands.inputs import images_of, masks_of, network_of
    from atlas.compute.computing import compute
    from atlas.runtime.memory import keep_freed_memory
    from atlas.runtime.progress import bar, silent
    from atlas.site import files, links, published_addresses, publishing, site

    keep_freed_memory()
    name, date = settings.atlas_name, build_date()
    if ranks.leads:
        publishing.recover(settings.out)
    site.check_place(settings.out, name)
    images = images_of(settings)
    network = network_of(settings, ranks=ranks)
    masks = masks_of(settings, images)
    made_from = _made_from(settings, network, images, masks)
    loaded = time.perf_counter()
    if not ranks.leads:
        if not ranks.share(False):
            compute(network, images, Path(), settings, silent, Path(), ranks, masks)
        return
    with site.staging(settings.out, name, made_from, settings.fresh) as stage:
        _project(settings, network, images)
        if ranks.share(stage.computed):
            print("note: nothing to compute, only pages to write (--fresh computes all)")
        else:
            compute(
                network,
                images,
                stage.folder,
                settings,
                bar,
                stage.scratch,
                ranks,
                masks,
                made_from,
            )
        atlas = site.describe(
            stage.folder,
            settings.command(),
            date,
            {"credit": settings.credit, "licence": settings.images_licence},
        )
        if atlas.images["recoloured"]:
            mode = network.preprocessing.mode
            print(_recoloured(atlas.images["recoloured"], mode), file=sys.stderr)
        computed = time.perf_counter()
        count = site.write_pages(stage.folder, contents.about, bar)
        gone = published_addresses.keep_addresses(
            stage.folder, published=settings.out / name, about=contents.about
        )
        if gone:
            print(f"note: {len(gone):,} pages of the last build have gone; each says so now")
        whole = site.whole(settings.out, contents, name, stage.folder)
        links.check(whole.files, contents.about.base)
        rendered = time.perf_counter()
        for line in whole.unreadable:
            print(f"note: not on the home page: {line}", file=sys.stderr)
        if settings.notes or settings.config:
            for line in whole.left_out:
                print(f"note: left out for now: {line}", file=sys.stderr)
        publishing.publish(stage.folder, out=settings.out, name=name, shared=whole.files.texts)
    done = time.perf_counter()
    units = sum(summary["shown"] for summary in atlas.summary)
    megabytes = files.size(settings.out / name) / 1e6
    where = settings.out / "index.html"
    print(
        f"{name}: {units:,} units of {len(atlas.layers)} layers, {atlas.images['count']:,} images"
    )
    print(f"{count:,} pages, {megabytes:.0f} MB, in {settings.out / name}")
    print(
        f"{done - started:.0f} s: load {loaded - started:.0f}, compute {computed - loaded:.0f}, "
        f"pages {rendered - computed:.0f}, publish {done - rendered:.0f}"
    )
    print(f"open {where.resolve().as_uri()}")


def _made_from(
    settings: Settings, network: Network, images: Folder | DemoImages, masks: Masks | None
) -> str:
    """The fingerprint of what decides the atlas. Raises ``UsageError`` if no layer matches."""
    from atlas.compute.fingerprint import fingerprint
    from atlas.networks.batching import slots_of

    network.choose(settings.layer_globs)
    decides = {
        **settings.deciding(),
        "name": settings.atlas_name,  # units' JSON holds it
        "slots": slots_of(network, settings.batch_size),
        "masks": masks.identity() if masks else None,
    }
    return fingerprint(network, images, decides)


def _project(settings: Settings, network: Network, images: Folder | DemoImages) -> None:
    """Print how large the atlas will be, and a note if that is more than the budget."""
    from atlas.compute.projecting import size_of

    layers = network.choose(settings.layer_globs)
    crop = network.preprocessing.crop
    everything = settings.units, len(images), crop, settings.jpeg, settings.has_evidence
    about = size_of(layers, *everything, settings.lean) / 1e6
    print(f"{len(layers)} layers of {network.name}, {len(images):,} images: about {about:,.0f} MB")
    if about > settings.budget:
        lean = size_of(layers, *everything, lean=True) / 1e6
        less = "" if settings.lean else f"--lean makes it about {lean:,.0f} MB, "
        print(
            f"note: that is more than {settings.budget:,} MB, the --budget; {less}"
            "--layers or --units shows less",
            file=sys.stderr,
        )


def _recoloured(count: int, mode: str) -> str:
    """A line on images whose colours are not those of the network's input."""
    if mode == "L":
        return f"note: {count:,} images are in colour; the network sees them in grey"
    return f"note: {count:,} images are grey; the network sees them in three equal channels"


COMMAND = Command(
    name="build",
    description="""\
Build an atlas of a convolutional network: for every unit the nine image patches that activate it
most, and their deconvnet reconstructions, as a static site.""",
    examples="""\
  python build.py
      the atlas of the embedded demo network, into site/
  python build.py --model alexnet --weights default --images ~/photos
      AlexNet with torchvision's published weights, looked at through a folder of photographs
  python build.py --model squeezenet1_1 --weights mine.safetensors --images photos \\
                  --layers 'features.1*' --name mine --out ~/atlas
      some layers of a network with weights from a file""",
    add=add,
    run=run,
)
