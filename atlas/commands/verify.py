"""``build.py verify``: compute units anew, and compare them with a finished atlas."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from atlas.commands.parser import Command, Parser, add_options, given
from atlas.data.settings import Settings

# What an atlas doesn't tell; the rest is as its data say.
OPTIONS = (
    *("model", "weights", "seed", "device"),
    *("resize", "crop", "mean", "std", "interpolation", "colour"),
    *("images", "limit", "masks", "hierarchy", "workers", "debug"),
)


def add(parser: Parser) -> None:
    """Add the arguments of ``verify``."""
    parser.add_argument("path", type=Path, metavar="ATLAS[/LAYER[/UNIT]]")
    parser.add_argument("--sample", type=int, metavar="N", help="only N units, chosen at random")
    add_options(parser, OPTIONS)


def run(asked: argparse.Namespace) -> int:
    """Compare units, and print what differs. Returns 1 if any unit differs, 0 if none does."""
    from atlas.commands.inputs import images_of, masks_of, network_of
    from atlas.compute import verify
    from atlas.compute.verify_names import Known
    from atlas.data.documents import read_atlas
    from atlas.runtime.progress import bar

    folder, layer, unit = verify.find(asked.path)
    facts = read_atlas(folder)
    said = {"model": facts.network.name, "limit": facts.images.count}
    settings = Settings(**{**said, **given(asked)})
    chosen = verify.choose(folder, layer=layer, unit=unit, sample=asked.sample, seed=settings.seed)
    images = images_of(settings)
    network = network_of(settings, preprocessing=msgspec.structs.asdict(facts.preprocessing))
    wrong = 0
    verdicts = verify.verify(
        folder,
        chosen,
        network,
        images,
        known=Known(masks_of(settings, images), settings.hierarchy),
        workers=settings.workers,
        progress=bar,
    )
    for verdict in verdicts:
        wrong += bool(verdict.differs)
        for text in verdict.differs or ("as the site says",):
            print(f"{verdict.layer}/{verdict.unit}: {text}")
    count = sum(map(len, chosen.values()))
    print(f"{count - wrong} of {count} units are as the site says")
    return 1 if wrong else 0


COMMAND = Command(
    name="verify",
    description="""\
Compute units anew from network and images, and compare values, images, positions and
reconstructions with what a site says. Give --model, --weights, --seed and --images as for the
build; with --masks and --hierarchy as there, names are compared, too. The number of images and
what the network sees are as the atlas's data say, unless options say otherwise; the rest is always
as they say.""",
    examples="""\
  python build.py verify site/demo --sample 50
      compute units anew and compare them with a finished atlas""",
    add=add,
    run=run,
)
