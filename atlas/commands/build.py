"""``build.py``, ``build.py build``: load, compute, render, publish."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from atlas import __version__
from atlas.commands.config import Config, read_config
from atlas.commands.contents import build_date, contents_of
from atlas.commands.parser import Command, Parser, add_options, given
from atlas.data.settings import HOME, OPTIONS, Settings
from atlas.errors import AtlasError, UsageError
from atlas.site import files, phrases
from atlas.site.info import ALONE, SiteContents

if TYPE_CHECKING:  # at run time they come with torch, which --help needn't wait for
    from atlas.compute.run import Run
    from atlas.compute.stage import Stage
    from atlas.data.plan import Plan
    from atlas.runtime.ranks import Ranks
    from atlas.site.pages import Page

SKIPPED = 10  # images that can't be read, named in the summary at most


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
            build(Settings(**{**table, **said}), contents, ranks)
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


def build(
    settings: Settings,
    contents: SiteContents = ALONE,
    ranks: Ranks | None = None,
    *,
    stages: Sequence[Stage] | None = None,
    pages: Sequence[Page] | None = None,
) -> list[str]:
    """Load, compute what is missing or stale, render, check and publish an atlas.

    ``stages`` and ``pages`` are those of every build unless others are given. With several ranks,
    all compute, and rank 0 alone renders and publishes. Returns the stages that ran.
    """
    started = time.perf_counter()
    from atlas.commands import full_disk
    from atlas.commands.inputs import images_of, masks_of, network_of
    from atlas.commands.projecting import plan_of, room_of
    from atlas.compute.engine import begun, compute, read_ledger
    from atlas.compute.facts import describe
    from atlas.compute.run import Run
    from atlas.compute.stages import STAGES
    from atlas.runtime.memory import keep_freed_memory
    from atlas.runtime.progress import bar
    from atlas.runtime.ranks import ALONE as ONE_RANK
    from atlas.site import publishing
    from atlas.site.pages import PAGES
    from atlas.site.staging import building, check_place, staging

    ranks, stages, pages = ranks or ONE_RANK, stages or STAGES, pages or PAGES
    keep_freed_memory()
    date = build_date()
    if ranks.leads:
        publishing.recover(settings.out)
    check_place(settings.out, settings.atlas_name)
    images = images_of(settings)
    network = network_of(settings, ranks=ranks)
    masks = masks_of(settings, images)
    network.choose(settings.layer_globs)  # or there is none that matches
    loaded = time.perf_counter()

    def begin(folder: Path, scratch: Path) -> Run:
        return Run.begin(
            network, images, settings,
            folder=folder, scratch=scratch, masks=masks, ranks=ranks, progress=bar,
        )  # fmt: skip

    if not ranks.leads:
        return compute(begin(Path(), Path()), stages)
    plan, work = plan_of(network, images, settings), building(settings.out, settings.atlas_name)
    needed = room_of(plan, stages, pages)
    place = staging(settings.out, settings.atlas_name, fresh=settings.fresh, worth_keeping=begun)
    with full_disk.told(settings.out, work, needed), place as at:
        _project(plan, settings, network.name, stages, pages)
        free, more = full_disk.lacking(settings.out, work, needed)
        if free < more and not read_ledger(at.folder, at.scratch):  # all has to be computed
            few = f"{free / 1e6:,.0f} MB are free, and the build needs about {more / 1e6:,.0f}"
            print(f"note: only {few} in {settings.out}", file=sys.stderr)
        run = begin(at.folder, at.scratch)
        ran = compute(run, stages)
        if not ran:
            print("note: nothing to compute, only pages to write (--fresh computes all)")
        ledger = read_ledger(at.folder, at.scratch)
        atlas = describe(at.folder, settings, ledger, slots=run.slots, date=date)
        if settings.strict and atlas.images.skipped:  # by a build without it
            first = atlas.images.skipped[0]
            raise AtlasError(f"--strict: {first.file} can't be read as an image: {first.reason}")
        if atlas.images.recoloured:
            print(_recoloured(atlas.images.recoloured, atlas.preprocessing.mode), file=sys.stderr)
        computed = time.perf_counter()
        count = _publish(at.folder, settings, contents, pages)
    done = time.perf_counter()
    units = sum(summary.shown for summary in atlas.summary)
    megabytes = files.size(settings.out / atlas.name) / 1e6
    print(
        f"{atlas.name}: {units:,} units of {len(atlas.layers)} layers, {atlas.images.read:,} images"
    )
    if atlas.images.skipped:
        print("\n  ".join([phrases.skipped(atlas), *phrases.skipped_images(atlas, SKIPPED)]))
    print(f"{count:,} pages, {megabytes:.0f} MB, in {settings.out / atlas.name}")
    print(
        f"{done - started:.0f} s: load {loaded - started:.0f}, compute {computed - loaded:.0f}, "
        f"pages {done - computed:.0f}"
    )
    print(f"open {(settings.out / 'index.html').resolve().as_uri()}")
    return ran


def _publish(
    folder: Path, settings: Settings, contents: SiteContents, pages: Sequence[Page]
) -> int:
    """Render and check the pages of an atlas, and put it into the site; returns how many."""
    from atlas.runtime.progress import bar
    from atlas.site import checked_links, published_addresses, publishing
    from atlas.site.assembling import whole
    from atlas.site.writing import write_pages

    out, name, info = settings.out, settings.atlas_name, contents.info
    count = write_pages(folder, info=info, progress=bar, pages=pages)
    gone = published_addresses.keep_addresses(folder, published=out / name, info=info)
    if gone:
        print(f"note: {len(gone):,} pages of the last build have gone; each says so now")
    site = whole(out, contents=contents, name=name, folder=folder, pages=pages)
    checked_links.check(site.files, info.base, folder)
    for line in site.unreadable:
        print(f"note: not on the home page: {line}", file=sys.stderr)
    if settings.notes or settings.config:
        for line in site.left_out:
            print(f"note: left out for now: {line}", file=sys.stderr)
    publishing.publish(folder, out=out, name=name, shared=site.files.texts)
    return count


def _project(
    plan: Plan, settings: Settings, network: str, stages: Sequence[Stage], pages: Sequence[Page]
) -> None:
    """Print how large the atlas will be, and a note if that is more than the budget."""
    from atlas.commands.projecting import size_of

    about = size_of(plan, stages, pages) / 1e6
    print(f"{len(plan.layers)} layers of {network}, {plan.images:,} images: about {about:,.0f} MB")
    if about > settings.budget:
        lean = size_of(replace(plan, lean=True), stages, pages) / 1e6
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
