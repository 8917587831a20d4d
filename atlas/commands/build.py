"""``build.py``, ``build.py build``: load, compute, render, publish."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas import __version__
from atlas.commands.config import Config, read_config
from atlas.commands.contents import build_date, contents_of
from atlas.commands.parser import Command, Parser, add_options, given
from atlas.data.extras import told
from atlas.data.settings import HOME, OPTIONS, Settings
from atlas.errors import AtlasError, UsageError
from atlas.site import atlas_phrases, files
from atlas.site.info import ALONE, SiteContents

if TYPE_CHECKING:  # at run time they come with torch, which --help needn't wait for
    from atlas.commands.projecting import Fit
    from atlas.compute.stage import Stage
    from atlas.data.records import AtlasData
    from atlas.images.masks import Masks
    from atlas.images.sources import DemoImages, Folder
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
    config = read_config_file(said.get("config"))
    contents = contents_of(Settings(**said), config)
    warnings.filterwarnings("ignore", category=UserWarning, module="torch")
    with of_torchrun() as ranks:
        for settings in asked_atlases(said, config):
            build(settings, contents, ranks)
    return 0


def asked_atlases(said: Mapping[str, Any], config: Config) -> list[Settings]:
    """The atlases that options ask for; all of the configuration's, if they ask for none."""
    tables = config.atlases if config.atlases and not asks_for_one(said) else [{}]
    return [Settings(**{**table, **said}) for table in tables]


def asks_for_one(names: Iterable[str]) -> bool:
    """Whether settings that were given, by name, say which atlas to build."""
    which = {one.name for one in OPTIONS if one.scope == "atlas"}
    return not which.isdisjoint(names)


def config_file(path: Path | None) -> Path:
    """The configuration's file: the one given, or the usual one, whether it is there or not."""
    return path or HOME / "atlas.toml"


def read_config_file(path: Path | None) -> Config:
    """The configuration in a file that was given, or in the usual one if it is there."""
    if path is not None and not path.is_file():
        raise UsageError(f"--config {path}: no such file")
    path = config_file(path)
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

    ``stages`` and ``pages`` are those that the settings ask for unless others are given. With
    several ranks, all compute, and rank 0 alone renders and publishes. Returns the stages that ran.
    """
    started = time.perf_counter()
    from atlas.commands.inputs import check_hierarchy, images_of, masks_of, origin
    from atlas.runtime.memory import keep_freed_memory
    from atlas.runtime.ranks import ALONE as ONE_RANK
    from atlas.site import publishing
    from atlas.site.pages import PAGES
    from atlas.site.staging import check_place

    ranks = ranks or ONE_RANK
    keep_freed_memory()
    date = build_date()
    if ranks.leads:
        publishing.recover(settings.out)
    check_place(settings.out, settings.atlas_name)
    images = images_of(settings)
    masks = masks_of(settings, images)
    check_hierarchy(settings, images)
    known = origin(settings, images=images, masks=masks) if stages is None else None
    job = _Job(settings, contents, pages or PAGES, images, masks, known, date, started)
    finished = _finished(job) if ranks.leads else None
    if not ranks.share(finished is not None):
        return _compute(job, stages, ranks)
    if finished:
        _show(job, finished)
    return []


@dataclass(frozen=True)
class _Job:
    """What a build works with before its network is loaded.

    ``origin`` is a digest of all that decides the atlas, None where that can't be told;
    ``started`` is when the build began, in seconds.
    """

    settings: Settings
    contents: SiteContents
    pages: Sequence[Page]
    images: Folder | DemoImages
    masks: Masks | None
    origin: str | None
    date: str | None
    started: float

    @property
    def place(self) -> tuple[Path, str]:
        """The site's folder, and the atlas's name."""
        return self.settings.out, self.settings.atlas_name

    @property
    def budget(self) -> int:
        """How large the atlas may be, in bytes."""
        return 1_000_000 * self.settings.budget


def _finished(job: _Job) -> AtlasData | None:
    """The published atlas, if all of it is as this build would compute it; or None."""
    from atlas.compute.ledger import damaged
    from atlas.data.documents import read_atlas
    from atlas.site.staging import building

    if job.settings.fresh or job.origin is None or building(*job.place).exists():
        return None
    folder = job.settings.out / job.settings.atlas_name
    try:
        facts = read_atlas(folder)
    except AtlasError:
        return None
    return facts if facts.origin == job.origin and not damaged(folder, facts.stages) else None


def _show(job: _Job, facts: AtlasData) -> None:
    """Render and publish a finished atlas."""
    from atlas.commands import full_disk
    from atlas.compute.ledger import begun
    from atlas.site.staging import building, staging

    loaded = time.perf_counter()
    without = tuple(facts.settings["without"])  # with what the budget left out
    _tell_left_out(set(without) - set(job.settings.without), job.settings)
    job = replace(job, settings=replace(job.settings, without=without))
    size = files.size(job.settings.out / job.settings.atlas_name)
    room = full_disk.told(job.settings.out, building(*job.place), size)
    with room, staging(*job.place, worth_keeping=begun) as at:
        _end(job, at.folder, facts.stages, slots=facts.slots, loaded=loaded)


def _compute(job: _Job, stages: Sequence[Stage] | None, ranks: Ranks) -> list[str]:
    """Load the network, compute what is missing or stale, render and publish.

    ``stages`` are those that the settings ask for unless others are given.
    """
    from atlas.commands import full_disk
    from atlas.commands.inputs import checkpoints_of, network_of
    from atlas.commands.projecting import fit, plan_of, room_of
    from atlas.compute.engine import compute
    from atlas.compute.ledger import begun, read_ledger
    from atlas.compute.run import Run
    from atlas.compute.stages import stages_of
    from atlas.runtime.progress import bar
    from atlas.site.staging import building, staging

    stages = stages_of(job.settings) if stages is None else stages
    checkpoints = checkpoints_of(job.settings)
    network = network_of(job.settings, ranks=ranks)
    network.choose(job.settings.layer_globs)  # or there is none that matches
    plan = plan_of(network, job.images, job.settings, masks=job.masks, checkpoints=checkpoints)
    found = fit(plan, job.budget, stages, job.pages)
    settings = found.of(job.settings)
    job = replace(job, settings=settings)
    loaded = time.perf_counter()

    def begin(folder: Path, scratch: Path) -> Run:
        return Run.begin(
            network, job.images, settings,
            folder=folder, scratch=scratch, masks=job.masks, checkpoints=checkpoints,
            ranks=ranks, progress=bar,
        )  # fmt: skip

    if not ranks.leads:
        return compute(begin(Path(), Path()), stages)
    work, needed = building(*job.place), room_of(found.plan, stages, job.pages)
    place = staging(*job.place, fresh=settings.fresh, worth_keeping=begun)
    with full_disk.told(settings.out, work, needed), place as at:
        _project(found, settings, network.name)
        free, more = full_disk.lacking(settings.out, work, needed)
        if free < more and not read_ledger(at.folder, at.scratch):  # all has to be computed
            few = f"{free / 1e6:,.0f} MB are free, and the build needs about {more / 1e6:,.0f}"
            print(f"note: only {few} in {settings.out}", file=sys.stderr)
        run = begin(at.folder, at.scratch)
        took: dict[str, float] = {}
        ran = compute(run, stages, took=took)
        ledger = read_ledger(at.folder, at.scratch)
        _end(job, at.folder, ledger, slots=run.slots, loaded=loaded, took=took)
    return ran


def _end(
    job: _Job,
    folder: Path,
    ledger: dict[str, Any],
    *,
    slots: int,
    loaded: float,
    took: Mapping[str, float] | None = None,
) -> None:
    """Describe, render and publish what was computed, and say what came of it.

    ``loaded`` is when all was loaded, in seconds; ``took`` is how long each stage ran that did.
    """
    from atlas.commands.rendering import publish
    from atlas.compute.facts import describe

    settings = job.settings
    if not took:
        print("note: nothing to compute, only pages to write (--fresh computes all)")
    atlas = describe(folder, settings, ledger, slots=slots, date=job.date, origin=job.origin)
    images = atlas.images
    if settings.strict and images.skipped:  # by a build without it
        first = images.skipped[0]
        raise AtlasError(f"--strict: {first.file} can't be read as an image: {first.reason}")
    if images.recoloured:
        print(_recoloured(images.recoloured, atlas.preprocessing.mode), file=sys.stderr)
    computed = time.perf_counter()
    count = publish(folder, settings, job.contents, job.pages)
    done = time.perf_counter()
    units = sum(summary.shown for summary in atlas.summary)
    place = settings.out / atlas.name
    print(f"{atlas.name}: {units:,} units of {len(atlas.layers)} layers, {images.read:,} images")
    if images.skipped:
        print(
            "\n  ".join(
                [atlas_phrases.skipped(atlas), *atlas_phrases.skipped_images(atlas, SKIPPED)]
            )
        )
    print(f"{count:,} pages, {files.size(place) / 1e6:.0f} MB, in {place}")
    print(
        f"{done - job.started:.0f} s: load {loaded - job.started:.0f}, "
        f"compute {computed - loaded:.0f}, pages {done - computed:.0f}"
    )
    if took:
        print(f"seconds of each stage: {costs(took)}")
    print(f"open {(settings.out / 'index.html').resolve().as_uri()}")


def _project(found: Fit, settings: Settings, network: str) -> None:
    """Print how large the atlas will be, and what of it the budget leaves out."""
    plan, about = found.plan, found.size / 1e6
    print(f"{len(plan.layers)} layers of {network}, {plan.images:,} images: about {about:,.0f} MB")
    _tell_left_out(found.left_out, settings)
    if about > settings.budget:
        print(
            f"note: that is more than {settings.budget:,} MB, the --budget; "
            "--layers or --units shows less",
            file=sys.stderr,
        )


def _tell_left_out(names: Iterable[str], settings: Settings) -> None:
    """Print which extras the budget leaves out, if any, and how to get them."""
    parts = told(names)
    if parts:
        print(
            f"note: left out for the --budget of {settings.budget:,} MB: {parts}; "
            "a larger one keeps more",
            file=sys.stderr,
        )


def costs(took: Mapping[str, float]) -> str:
    """The seconds that stages took, the dearest first; those below a second added up."""
    dear = sorted((name for name in took if took[name] >= 1), key=lambda name: -took[name])
    each = [(name, took[name]) for name in dear]
    if len(dear) < len(took):
        each.append(("other", sum(took.values()) - sum(seconds for _, seconds in each)))
    return ", ".join(f"{name} {seconds:.0f}" for name, seconds in each)


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
