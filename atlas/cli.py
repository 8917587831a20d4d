"""The command: reads its arguments, builds an atlas, says what was built."""

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

from atlas import __version__, words
from atlas.errors import AtlasError, UsageError, first_line

if TYPE_CHECKING:  # at run time they come with torch, which --help needn't wait for
    from atlas.computing import Settings
    from atlas.images import DemoImages, Folder
    from atlas.network import Network
    from atlas.ranks import Ranks

DEMO_IMAGES = 2_400
OUT = Path(__file__).resolve().parent.parent / "site"

EXAMPLES = """\
examples:
  python build.py
      the atlas of the embedded demo network, into site/
  python build.py --model alexnet --weights default --images ~/photos
      AlexNet with torchvision's published weights, looked at through a folder of photographs
  python build.py --model squeezenet1_1 --weights mine.safetensors --images photos \\
                  --layers 'features.1*' --name mine --out ~/atlas
      some layers of a network with weights from a file
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message} (python build.py --help shows how it is used)")


def parser() -> argparse.ArgumentParser:
    """All options of the command."""
    made = _Parser(
        prog="build.py",
        description="Build an atlas of a convolutional network: for every unit the nine image "
        "patches that activate it most, and their deconvnet reconstructions, as a static site.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    what = made.add_argument_group("what to look at")
    what.add_argument(
        "--model",
        default="demo",
        metavar="NAME",
        help="'demo' (the default), a classification model of torchvision, 'timm:NAME' where timm "
        "is installed, or 'FILE.py:FACTORY', a function of yours that returns a model (which runs "
        "that file's code)",
    )
    what.add_argument(
        "--weights",
        metavar="FILE",
        help="a .safetensors file, or a state dict or checkpoint saved by torch; 'default' for the "
        "published weights, downloaded by the model's library; 'none' for random ones (default: "
        "'default' for the demo, else 'none')",
    )
    what.add_argument(
        "--images",
        default="demo",
        metavar="FOLDER",
        help="a folder of photographs, in class sub-folders or flat; or 'demo' (the default)",
    )
    what.add_argument(
        "--limit",
        type=_positive,
        metavar="N",
        help=f"look at N images, spread over the folder (default: all; {DEMO_IMAGES} of the demo)",
    )
    what.add_argument(
        "--layers",
        action="append",
        metavar="GLOB",
        help="only layers whose id matches; may be repeated, or hold several with commas",
    )
    what.add_argument(
        "--units",
        type=_positive,
        metavar="N",
        help="show only N units of each layer, spread evenly: a quick look at a large network",
    )
    what.add_argument(
        "--rule",
        choices=tuple(words.RULES),
        default="deconvnet",
        help="what happens at a nonlinearity on the way down (default: deconvnet)",
    )
    what.add_argument(
        "--near-duplicates",
        type=_natural,
        metavar="BITS",
        help="count images as one whose perceptual hashes differ in at most so many of 64 bits "
        "(needs imagehash; images with equal pixels always count as one)",
    )
    sees = made.add_argument_group(
        "what the network sees", "defaults are those that the weights were trained with"
    )
    sees.add_argument(
        "--resize", type=_positive, metavar="N", help="resize the shorter side to N pixels first"
    )
    sees.add_argument(
        "--crop", type=_size, metavar="N or HxW", help="cut so much from the centre: the input size"
    )
    sees.add_argument("--mean", type=_numbers, metavar="R,G,B", help="subtracted from [0, 1]")
    sees.add_argument("--std", type=_numbers, metavar="R,G,B", help="divided by")
    sees.add_argument("--interpolation", choices=("bilinear", "bicubic", "nearest", "lanczos"))
    sees.add_argument("--colour", choices=("rgb", "grey"), help="colours of the input")
    where = made.add_argument_group("where it goes")
    where.add_argument(
        "--out", type=Path, default=OUT, metavar="FOLDER", help="the site (default: site/)"
    )
    where.add_argument(
        "--name", help="the atlas's name and folder within the site (default: the model's)"
    )
    how = made.add_argument_group("how")
    how.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    how.add_argument(
        "--seed", type=int, default=0, help="of random weights (default: 0); the demo world's "
        "pictures have a seed of their own",
    )  # fmt: skip
    how.add_argument(
        "--batch-size",
        type=_positive,
        default=64,
        metavar="N",
        help="images the network is run on at once (default: 64; on a CPU always 16, the fastest)",
    )
    how.add_argument(
        "--workers",
        type=_natural,
        default=min(8, os.cpu_count() or 1),
        metavar="N",
        help="processes that decode images; 0 for none beside the main one (default: %(default)s)",
    )
    how.add_argument(
        "--fresh",
        action="store_true",
        help="compute everything, whatever an earlier build or a stopped one left",
    )
    how.add_argument("--debug", action="store_true", help="show a traceback when a build fails")
    how.add_argument("--version", action="version", version=f"CNN Atlas {__version__}")
    return made


def _positive(text: str) -> int:
    number = _natural(text)
    if number == 0:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _natural(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    height, times, width = text.lower().partition("x")
    return _positive(height), _positive(width if times else height)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, 1 for a failed build, 2 for bad usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build(parser().parse_args(given), given)
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


def build(options: argparse.Namespace, given: list[str]) -> None:
    """Load, compute, render, publish; the last two at rank 0 alone, where there are several."""
    from atlas.ranks import of_torchrun

    warnings.filterwarnings("ignore", category=UserWarning, module="torch")
    with of_torchrun() as ranks:
        _build(options, given, ranks)


def _build(options: argparse.Namespace, given: list[str], ranks: Ranks) -> None:
    started = time.perf_counter()
    from atlas import site
    from atlas.computing import compute
    from atlas.memory import keep_freed_memory
    from atlas.progress import bar, silent

    keep_freed_memory()
    name = options.name or re.sub(r"[^\w.-]+", "-", Path(options.model).name)
    site.check_place(options.out, name)
    network, images = _inputs(options, ranks)
    settings = _settings(options, given, name, network, images)
    loaded = time.perf_counter()
    if not ranks.leads:
        if not ranks.share(False):
            compute(network, images, Path(), settings, silent, Path(), ranks)
        return
    with site.staging(options.out, name, settings.made_from, options.fresh) as stage:
        if ranks.share(stage.computed):
            print("note: nothing to compute, only pages to write (--fresh computes all)")
        else:
            compute(network, images, stage.folder, settings, bar, stage.scratch, ranks)
        atlas = site.describe(stage.folder, command=settings.command, date=settings.date)
        if atlas.images["recoloured"]:
            mode = network.preprocessing.mode
            print(recoloured(atlas.images["recoloured"], mode), file=sys.stderr)
        computed = time.perf_counter()
        count = site.write_pages(stage.folder, bar)
        site.check(stage.folder)
        rendered = time.perf_counter()
        for line in site.publish(stage.folder, options.out, name):
            print(f"note: not on the home page: {line}", file=sys.stderr)
    done = time.perf_counter()
    units = sum(summary["shown"] for summary in atlas.summary)
    megabytes = site.size(options.out / name) / 1e6
    where = options.out / "index.html"
    print(
        f"{name}: {units:,} units of {len(atlas.layers)} layers, {atlas.images['count']:,} images"
    )
    print(f"{count + 1:,} pages, {megabytes:.0f} MB, in {options.out / name}")
    print(
        f"{done - started:.0f} s: load {loaded - started:.0f}, compute {computed - loaded:.0f}, "
        f"pages {rendered - computed:.0f}, publish {done - rendered:.0f}"
    )
    print(f"open {where.resolve().as_uri()}")


def _inputs(options: argparse.Namespace, ranks: Ranks) -> tuple[Network, Folder | DemoImages]:
    from atlas.images import DemoImages, open_folder
    from atlas.network import load_network
    from atlas.ranks import local_device

    images = (
        DemoImages(options.limit or DEMO_IMAGES)
        if options.images == "demo"
        else open_folder(Path(options.images).expanduser(), options.limit)
    )
    network = load_network(
        options.model,
        options.weights,
        options.seed,
        local_device(device(options.device)),
        preprocessing(options),
    )
    if network.runs and ranks.leads:
        print(f"note: this runs the code of {network.runs}", file=sys.stderr)
    if network.missing and ranks.leads:
        print(
            f"note: no weights for {', '.join(network.missing)}; what needs them is left out",
            file=sys.stderr,
        )
    return network, images


def _settings(
    options: argparse.Namespace,
    given: list[str],
    name: str,
    network: Network,
    images: Folder | DemoImages,
) -> Settings:
    from atlas.computing import Settings
    from atlas.fingerprint import fingerprint
    from atlas.scanning import slots_of

    layers = None
    if options.layers:
        layers = tuple(glob for text in options.layers for glob in text.split(","))
    network.choose(layers)  # or there is none that matches
    decides = {
        "name": name,
        "layers": layers,
        "units": options.units,
        "rule": options.rule,
        "near_duplicates": options.near_duplicates,
    }
    together = {"slots": slots_of(network, options.batch_size)}
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


def command(given: list[str]) -> str:
    """The command as the pages show it: where things lie on this machine is nobody's business."""
    shown, skip = [], False
    for word in given:
        option, equals, value = word.partition("=")
        if skip:
            skip = False
        elif option == "--out":
            skip = not equals
        elif option not in ("--debug", "--fresh"):
            text = value if equals else word
            text = Path(text).name if os.sep in text and not text.startswith("-") else text
            shown.append(f"{option}={text}" if equals else text)
    return shlex.join(["python", "build.py", *shown])
