"""The options of the command."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from atlas import __version__
from atlas.errors import UsageError
from atlas.site import phrases

DEMO_IMAGES = 2_400
HOME = Path(__file__).resolve().parent.parent.parent
OUT = HOME / "site"

EXAMPLES = """\
examples:
  python build.py
      the atlas of the embedded demo network, into site/
  python build.py --model alexnet --weights default --images ~/photos
      AlexNet with torchvision's published weights, looked at through a folder of photographs
  python build.py --model squeezenet1_1 --weights mine.safetensors --images photos \\
                  --layers 'features.1*' --name mine --out ~/atlas
      some layers of a network with weights from a file
  python build.py figure site/alexnet/conv3 3 17 42 --to figure.svg
      some units of a finished atlas on one figure
  python build.py verify site/demo --sample 50
      compute units anew and compare them with a finished atlas
"""


class Parser(argparse.ArgumentParser):
    """Raises ``UsageError`` for what it can't read."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Raise it, where argparse would print and exit."""
        raise UsageError(f"{message} (python {self.prog} --help shows how it is used)")


def parser() -> argparse.ArgumentParser:
    """All options of the command."""
    made = Parser(
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
        choices=tuple(phrases.RULES),
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
    what.add_argument(
        "--masks",
        type=Path,
        metavar="FOLDER",
        help="masks of concepts in the images, as FOLDER/CONCEPT/PATH-OF-IMAGE.png, white where "
        "the concept is: units are named for those they overlap with (the demo knows its own)",
    )
    what.add_argument(
        "--evidence",
        choices=("all", "none"),
        default="all",
        help="'none' leaves out what is computed to see what reconstructions prove, and how else a "
        "unit can be told; it takes up to half of the time (default: all)",
    )
    what.add_argument("--credit", default="", metavar="TEXT", help="whose the images are")
    what.add_argument(
        "--images-licence", default="", metavar="TEXT", help="the licence of the images"
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
    where.add_argument(
        "--budget",
        type=_positive,
        default=1000,
        metavar="MB",
        help="warn of an atlas that will be larger (default: 1000, what GitHub Pages takes)",
    )
    where.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the site's title, author and atlases (default: atlas.toml beside build.py, if there "
        "is one); without options of its own the command builds all its atlases",
    )
    where.add_argument(
        "--notes",
        type=Path,
        metavar="FOLDER",
        help="Markdown files that become pages, in which units appear as figures (default: notes/ "
        "beside build.py)",
    )
    where.add_argument(
        "--base-url",
        metavar="URL",
        help="the address that the site will be published at, for link previews, embedding and "
        "search engines; every link works without it",
    )
    where.add_argument(
        "--images-policy",
        choices=("show", "pointers"),
        default="show",
        help="'pointers' publishes names, boxes, values and reconstructions, but no pixels of "
        "images that may not be passed on (default: show)",
    )
    where.add_argument(
        "--jpeg",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep each plate as JPEG, too, for LaTeX, slides and link previews; --no-jpeg makes "
        "the atlas about half as large",
    )
    where.add_argument(
        "--lean",
        action="store_true",
        help="keep of each unit its page, its plate and its data, and nothing else, for a large "
        "network on a host with little room: about 30 kB a unit instead of 100",
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


def names(of: argparse.ArgumentParser) -> set[str]:
    """The options of an atlas, without dashes: what a configuration may say of one."""
    site = {"help", "version", "out", "config", "notes", "base-url", "debug", "fresh"}
    every = {
        option.removeprefix("--") for action in of._actions for option in action.option_strings
    }
    return {name for name in every - site if not name.startswith(("-", "no-"))}


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
