"""``build.py dream``: an image with what a layer sees in it painted into it."""

from __future__ import annotations

import argparse
from pathlib import Path

from atlas.commands.parser import ONE_IMAGE, Command, Parser, add_options, given
from atlas.data.settings import Settings
from atlas.errors import UsageError


def add(parser: Parser) -> None:
    """Add the arguments of ``dream``."""
    parser.add_argument(
        "image", metavar="IMAGE", help="a photograph's file, or the name of one of --images"
    )
    parser.add_argument("--layer", required=True, metavar="LAYER", help="such as conv5")
    parser.add_argument(
        "--unit", type=int, metavar="NUMBER", help="one unit of the layer (default: all)"
    )
    parser.add_argument(
        "--octaves", type=int, default=3, metavar="COUNT",
        help="how many sizes, each 1.4 times the one before; the first just covers what the "
        "network takes (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=int, default=12, metavar="COUNT",
        help="steps of gradient ascent at each size (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--to", type=Path, metavar="FILE.png", help="where it goes (default: dream.png)"
    )
    add_options(parser, ONE_IMAGE)


def run(asked: argparse.Namespace) -> int:
    """Dream, write the picture, and say how far the layer's activations rose."""
    import numpy as np

    from atlas.commands.inputs import image_of, network_of
    from atlas.data.whole_files import write_whole
    from atlas.drawing.frames import png
    from atlas.experiments.dreaming import Recipe, dreamed, energies, enlarged
    from atlas.images.modes import seen
    from atlas.networks.batching import BATCH, slots_of
    from atlas.site.phrases import activation

    settings = Settings(**given(asked))
    to = asked.to or Path("dream.png")
    if to.suffix != ".png":
        raise UsageError(f"--to {to}: a file that ends in .png is wanted")
    for option in ("octaves", "steps"):
        if getattr(asked, option) < 1:
            raise UsageError(f"--{option} {getattr(asked, option)}: must be at least 1")
    image = image_of(asked.image, settings)
    network = network_of(settings)
    layer = network.layer(asked.layer)
    if asked.unit is not None and not 0 <= asked.unit < layer.units:
        raise UsageError(f"--unit {asked.unit}: {layer.id} has {layer.units} units")
    slots, recipe = slots_of(network, BATCH), Recipe(asked.octaves, asked.steps)
    pixels = np.asarray(seen(image, network.preprocessing.mode))
    source = pixels if pixels.ndim == 3 else pixels[..., None]
    picture = dreamed(
        network, source, layer, unit=asked.unit, recipe=recipe, slots=slots, seed=settings.seed
    )
    write_whole(to, png(picture))
    before, after = (
        energies(network, one, layer, slots=slots)
        for one in (enlarged(source, picture.shape[:2]), picture)
    )
    if asked.unit is None:
        rise = (before.mean(), after.mean())
    else:
        rise = (before[asked.unit], after[asked.unit])
    name = layer.id if asked.unit is None else f"{layer.id}/{asked.unit}"
    print(f"{name}: mean squared activation {' to '.join(map(activation, rise))}")
    print(to)
    return 0


COMMAND = Command(
    name="dream",
    description="""\
Paint into an image what a layer, or one unit of it, sees in it: gradient ascent from the image at
growing sizes (Mordvintsev, Olah & Tyka 2015). Give --model, --weights and what the network sees as
for the build; --seed decides how tiles are moved.""",
    examples="""\
  python build.py dream dog/00011.png --layer conv5 --to dog.png
      a picture of the demo world, by its name
  python build.py dream rex.jpg --layer features.10 --model squeezenet1_1 --weights default
      a photograph, and SqueezeNet with torchvision's published weights""",
    add=add,
    run=run,
)
