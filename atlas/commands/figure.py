"""``build.py figure``: a layer's figure with units of your own choice, from a finished atlas."""

from __future__ import annotations

import argparse
from pathlib import Path

from atlas.commands.parser import Command, Parser, add_options
from atlas.errors import UsageError


def add(parser: Parser) -> None:
    """Add the arguments of ``figure``."""
    parser.add_argument("layer", type=Path, metavar="ATLAS/LAYER", help="such as site/demo/conv3")
    parser.add_argument("units", type=int, nargs="+", metavar="UNIT", help="such as 3 17 42")
    parser.add_argument(
        "--to", type=Path, required=True, metavar="FILE", help="where it goes: FILE.svg or FILE.png"
    )
    parser.add_argument(
        "--lit",
        action="store_true",
        help="in the place of the reconstructions the patches, dark, lit where those are strong",
    )
    add_options(parser, ["debug"])


def run(asked: argparse.Namespace) -> int:
    """Draw the figure, and print where it is."""
    draw_figure(asked.layer, asked.units, to=asked.to, lit=asked.lit)
    print(asked.to)
    return 0


def draw_figure(folder: Path, units: list[int], *, to: Path, lit: bool = False) -> None:
    """Write a figure of some units of the layer whose data lie in a folder.

    Raises ``UsageError`` for what isn't there.
    """
    from atlas.compute.layer_figures import write_figure
    from atlas.data.documents import read_layer

    if not (folder / "layer.json").is_file():
        raise UsageError(f"{folder} holds no layer of an atlas (there is no layer.json)")
    if to.suffix not in (".png", ".svg"):
        raise UsageError(f"--to {to}: a file that ends in .png or .svg is wanted")
    layer = read_layer(folder.parent, folder.name)
    if lit and not layer.plate.patches:
        raise UsageError(f"--lit: {folder} holds no patches that could be lit")
    for number in units:
        unit = layer.find(number)
        if unit is None:
            raise UsageError(f"{folder} shows no unit {number}")
        if not unit.nine:
            raise UsageError(f"{layer.layer}/{number} is never active, so there is nothing to draw")
    write_figure(to, folder.parent, layer, units, lit=lit)


COMMAND = Command(
    name="figure",
    description="Draw some units of a layer as one figure, for print (.svg) or slides (.png).",
    examples="""\
  python build.py figure site/alexnet/conv3 3 17 42 --to figure.svg
      some units of a finished atlas on one figure
  python build.py figure site/alexnet/conv3 3 17 42 --to slide.png --lit
      the same with patches lit where their reconstructions are strong""",
    add=add,
    run=run,
)
