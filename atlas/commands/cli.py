"""The command: builds an atlas as its options say, and says what was built."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import time
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.commands.config import Config, read_config
from atlas.commands.options import DEMO_IMAGES, HOME, names, parser
from atlas.errors import AtlasError, UsageError, first_line
from atlas.site.info import SiteContents, SiteInfo

if TYPE_CHECKING:  # at run time they come with torch, which --help needn't wait for
    from atlas.compute.facts import Settings
    from atlas.images.masks import Masks
    from atlas.images.sources import DemoImages, Folder
    from atlas.networks.network import Network
    from atlas.runtime.ranks import Ranks


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, 1 for a failed build, 2 for bad usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["figure"]:
            _figure(given[1:])
        elif given[:1] == ["verify"]:
            return _verify(given[1:])
        else:
            run(given)
    except AtlasError as error:
        if "--debug" in given:
            raise
        print(f"build.py: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        goes_on = "the site is as it was, and the same command goes on from here"
        print(f"build.py: interrupted; {goes_on}", file=sys.stderr)
        return 130
    except (OSError, MemoryError, RuntimeError) as error:
        if "--debug" in given:
            raise
        print(f"build.py: {first_line(error)} (--debug shows where)", file=sys.stderr)
        return 1
    return 0


def run(given: list[str]) -> None:
    """Build the atlas that options ask for; all of the configuration's, if they ask for none."""
    from atlas.runtime.ranks import of_torchrun

    options = parser().parse_args(given)
    config = _config(options)
    every = [given]
    if config.atlases and not asks_for_one(given):
        every = [[*arguments, *given] for arguments in config.atlases]
    warnings.filterwarnings("ignore", category=UserWarning, module="torch")
    with of_torchrun() as ranks:
        for arguments in every:
            _build(parser().parse_args(arguments), arguments, _around(options, config), ranks)


def _figure(given: list[str]) -> None:
    from atlas.commands import figure

    options = figure.parser().parse_args(given)
    figure.draw_figure(options.layer, options.units, options.to)
    print(options.to)


def _verify(given: list[str]) -> int:
    """Returns the exit code: 1 if a unit is not as the site says."""
    asked = parser()
    asked.prog, asked.description, asked.epilog = "build.py verify", VERIFY, None
    asked.add_argument("path", type=Path, metavar="ATLAS[/LAYER[/UNIT]]")
    asked.add_argument("--sample", type=int, metavar="N", help="only N units, chosen at random")
    options = asked.parse_args(given)

    from atlas.compute import verify
    from atlas.data import records
    from atlas.runtime.progress import bar

    folder, layer, unit = verify.find(options.path)
    facts = records.read_atlas(folder)
    chosen = verify.choose(folder, layer, unit, options.sample, options.seed)
    options.limit = options.limit or facts.images["count"]
    if not any(word.partition("=")[0] == "--model" for word in given):
        options.model = facts.network["name"]
    from atlas.runtime.ranks import ALONE

    network, images = _inputs(options, ALONE, facts.preprocessing)
    wrong = 0
    for verdict in verify.verify(folder, chosen, network, images, options.workers, bar):
        wrong += bool(verdict.differs)
        for text in verdict.differs or ("as the site says",):
            print(f"{verdict.layer}/{verdict.unit}: {text}")
    count = sum(map(len, chosen.values()))
    print(f"{count - wrong} of {count} units are as the site says")
    return 1 if wrong else 0


VERIFY = """\
Compute units anew from network and images, and compare values, images, positions and
reconstructions with what a site says. Give --model, --weights and --images as for the build."""


def asks_for_one(given: Sequence[str]) -> bool:
    """Whether options say which atlas to build; how to do it they may say of all."""
    which = names(parser()) - {"device", "workers", "batch-size", "budget"}
    words = [word[2:].partition("=")[0] for word in given if word.startswith("--")]
    return any(word.removeprefix("no-") in which for word in words)


def _config(options: argparse.Namespace) -> Config:
    if options.config is not None and not options.config.is_file():
        raise UsageError(f"--config {options.config}: no such file")
    path = options.config or HOME / "atlas.toml"
    return read_config(path, names(parser())) if path.is_file() else Config()


def _around(options: argparse.Namespace, config: Config) -> SiteContents:
    """What stands around the atlases, as options say, or else the configuration."""
    said = config.site
    notes = options.notes or (Path(said["notes"]) if "notes" in said else None)
    if notes is not None and not notes.is_dir():
        raise UsageError(f"--notes {notes}: no such folder")
    if notes is None and (HOME / "notes").is_dir():
        notes = HOME / "notes"
    about = SiteInfo(
        said.get("title", SiteInfo.title),
        said.get("author", ""),
        base(options.base_url or said.get("base-url")),
        said.get("licence", ""),
    )
    return SiteContents(about, notes, tuple((one, other) for one, other in said.get("compare", [])))


def _build(
    options: argparse.Namespace, given: list[str], around: SiteContents, ranks: Ranks
) -> None:
    """Load, compute, render, publish; the last two at rank 0 alone, where there are several."""
    started = time.perf_counter()
    about = around.about
    from atlas.compute.computing import compute
    from atlas.runtime.memory import keep_freed_memory
    from atlas.runtime.progress import bar, silent
    from atlas.site import files, links, published_addresses, publishing, site

    keep_freed_memory()
    name = options.name or re.sub(r"[^\w.-]+", "-", Path(options.model).name)
    if ranks.leads:
        publishing.recover(options.out)
    site.check_place(options.out, name)
    network, images = _inputs(options, ranks)
    masks = _masks(options, images)
    settings = _settings(options, given, name, network, images, masks)
    loaded = time.perf_counter()
    if not ranks.leads:
        if not ranks.share(False):
            compute(network, images, Path(), settings, silent, Path(), ranks, masks)
        return
    with site.staging(options.out, name, settings.made_from, options.fresh) as stage:
        _project(options, network, images)
        if ranks.share(stage.computed):
            print("note: nothing to compute, only pages to write (--fresh computes all)")
        else:
            compute(network, images, stage.folder, settings, bar, stage.scratch, ranks, masks)
        atlas = site.describe(
            stage.folder,
            settings.command,
            settings.date,
            {"credit": options.credit, "licence": options.images_licence},
        )
        if atlas.images["recoloured"]:
            mode = network.preprocessing.mode
            print(recoloured(atlas.images["recoloured"], mode), file=sys.stderr)
        computed = time.perf_counter()
        count = site.write_pages(stage.folder, about, bar)
        gone = published_addresses.keep_addresses(
            stage.folder, published=options.out / name, about=about
        )
        if gone:
            print(f"note: {len(gone):,} pages of the last build have gone; each says so now")
        whole = site.whole(options.out, around, name, stage.folder)
        links.check(whole.files, about.base)
        rendered = time.perf_counter()
        for line in whole.unreadable:
            print(f"note: not on the home page: {line}", file=sys.stderr)
        if options.notes or options.config:
            for line in whole.left_out:
                print(f"note: left out for now: {line}", file=sys.stderr)
        publishing.publish(stage.folder, out=options.out, name=name, shared=whole.files.texts)
    done = time.perf_counter()
    units = sum(summary["shown"] for summary in atlas.summary)
    megabytes = files.size(options.out / name) / 1e6
    where = options.out / "index.html"
    print(
        f"{name}: {units:,} units of {len(atlas.layers)} layers, {atlas.images['count']:,} images"
    )
    print(f"{count:,} pages, {megabytes:.0f} MB, in {options.out / name}")
    print(
        f"{done - started:.0f} s: load {loaded - started:.0f}, compute {computed - loaded:.0f}, "
        f"pages {rendered - computed:.0f}, publish {done - rendered:.0f}"
    )
    print(f"open {where.resolve().as_uri()}")


def _project(options: argparse.Namespace, network: Network, images: Folder | DemoImages) -> None:
    """Say how large the atlas will be."""
    from atlas.compute.projecting import size_of

    layers = network.choose(_globs(options))
    crop = network.preprocessing.crop
    evidence = options.evidence == "all"
    everything = options.units, len(images), crop, options.jpeg, evidence
    about = size_of(layers, *everything, options.lean) / 1e6
    print(f"{len(layers)} layers of {network.name}, {len(images):,} images: about {about:,.0f} MB")
    if about > options.budget:
        lean = size_of(layers, *everything, lean=True) / 1e6
        less = "" if options.lean else f"--lean makes it about {lean:,.0f} MB, "
        print(
            f"note: that is more than {options.budget:,} MB, the --budget; {less}"
            "--layers or --units shows less",
            file=sys.stderr,
        )


def _globs(options: argparse.Namespace) -> tuple[str, ...] | None:
    if not options.layers:
        return None
    return tuple(glob for text in options.layers for glob in text.split(","))


def _inputs(
    options: argparse.Namespace, ranks: Ranks, sees: dict[str, Any] | None = None
) -> tuple[Network, Folder | DemoImages]:
    """The network and the images that options ask for; ``sees`` is its preprocessing, if known."""
    from atlas.images.sources import DemoImages, open_folder
    from atlas.networks.network import load_network
    from atlas.networks.zoo import file_of
    from atlas.runtime.ranks import local_device

    images = (
        DemoImages(options.limit or DEMO_IMAGES)
        if options.images == "demo"
        else open_folder(Path(options.images).expanduser(), options.limit)
    )
    file = file_of(options.model)
    if file and file.is_file() and ranks.leads:
        print(f"note: this runs the code of {file}", file=sys.stderr)
    network = load_network(
        options.model,
        options.weights,
        options.seed,
        local_device(device(options.device)),
        sees or preprocessing(options),
    )
    if network.missing and ranks.leads:
        print(
            f"note: no weights for {', '.join(network.missing)}; what needs them is left out",
            file=sys.stderr,
        )
    return network, images


def _masks(options: argparse.Namespace, images: Folder | DemoImages) -> Masks | None:
    from atlas.images.masks import DemoMasks, open_masks
    from atlas.images.sources import DemoImages

    if isinstance(images, DemoImages):
        if options.masks:
            raise UsageError("--masks: the demo world knows its own; give a folder of --images")
        return DemoMasks(images)
    return open_masks(options.masks, images) if options.masks else None


def _settings(
    options: argparse.Namespace,
    given: list[str],
    name: str,
    network: Network,
    images: Folder | DemoImages,
    masks: Masks | None,
) -> Settings:
    from atlas.compute.facts import Settings
    from atlas.compute.fingerprint import fingerprint
    from atlas.scanning.scan import slots_of

    layers = _globs(options)
    network.choose(layers)  # or there is none that matches
    decides = {
        "name": name,
        "layers": layers,
        "units": options.units,
        "rule": options.rule,
        "near_duplicates": options.near_duplicates,
        "pictures": options.images_policy == "show",
        "jpeg": options.jpeg,
        "lean": options.lean,
        "evidence": options.evidence == "all",
    }
    together = {
        "slots": slots_of(network, options.batch_size),
        "masks": masks.identity() if masks else None,
    }
    return Settings(
        **decides,
        batch_size=options.batch_size,
        workers=options.workers,
        date=date(),
        command=command(given),
        made_from=fingerprint(network, images, {**decides, **together}),
    )


def preprocessing(options: argparse.Namespace) -> dict[str, Any]:
    """What the command says of preprocessing; it replaces what the weights were trained with."""
    given = {key: getattr(options, key) for key in ("resize", "crop", "mean", "std")}
    given["interpolation"] = options.interpolation
    given["mode"] = {"rgb": "RGB", "grey": "L"}.get(options.colour)
    return {key: value for key, value in given.items() if value is not None}


def recoloured(count: int, mode: str) -> str:
    """A line on images whose colours are not those of the network's input."""
    if mode == "L":
        return f"note: {count:,} images are in colour; the network sees them in grey"
    return f"note: {count:,} images are grey; the network sees them in three equal channels"


def device(name: str) -> str:
    """The device to compute on. Raises ``UsageError`` if there is none of that name."""
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = name.partition(":")[0]
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if kind not in there:
        raise UsageError(f"--device {name}: choose auto, cpu, cuda or mps")
    if not there[kind]:
        raise UsageError(f"--device {name}: this machine has none that torch can use")
    return name


def date() -> str | None:
    """The date of the build, only if ``SOURCE_DATE_EPOCH`` gives one: no clock in the output."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return None
    if not epoch.isdigit():
        raise UsageError(f"SOURCE_DATE_EPOCH={epoch}: a number of seconds is wanted")
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%d")


def base(url: str | None) -> str:
    """The site's own address, with a slash at its end. Raises ``UsageError`` if it is none."""
    if not url:
        return ""
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise UsageError(
            f"--base-url {url}: an address such as https://example.org/atlas/ is wanted"
        )
    return url.rstrip("/") + "/"


def command(given: list[str]) -> str:
    """The command as the pages show it: where things lie on this machine is nobody's business."""
    shown, skip = [], False
    for word in given:
        option, equals, value = word.partition("=")
        if skip:
            skip = False
        elif option in ("--out", "--config", "--notes"):
            skip = not equals
        elif option not in ("--debug", "--fresh"):
            text = value if equals else word
            text = Path(text).name if os.sep in text and not text.startswith("-") else text
            shown.append(f"{option}={text}" if equals else text)
    return shlex.join(["python", "build.py", *shown])
