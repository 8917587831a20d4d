"""``build.py occlude``: what a unit makes of an image while a grey square slides over it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.commands.parser import ONE_IMAGE, Command, Parser, add_options, given
from atlas.data.settings import Settings
from atlas.errors import UsageError

if TYPE_CHECKING:  # at run time they come with torch, which --help needn't wait for
    import numpy as np

    from atlas.data.experiments.occlusion import Square
    from atlas.experiments.subjects import Classes
    from atlas.networks.layers import Layer
    from atlas.networks.network import Network


def add(parser: Parser) -> None:
    """Add the arguments of ``occlude``."""
    parser.add_argument(
        "image", metavar="IMAGE", help="a photograph's file, or the name of one of --images"
    )
    parser.add_argument("--unit", required=True, metavar="LAYER/UNIT", help="such as conv5/17")
    parser.add_argument(
        "--occluder",
        type=int,
        metavar="PIXELS",
        help="the side of the square (default: a fifth of the input's)",
    )
    parser.add_argument(
        "--to", type=Path, metavar="FILE.png", help="where the map goes (default: UNIT.png)"
    )
    add_options(parser, ONE_IMAGE)


def run(asked: argparse.Namespace) -> int:
    """Slide the square, draw the map, and print figures."""
    from atlas.commands.inputs import image_of, network_of
    from atlas.experiments.occlusion import square_for

    settings = Settings(**given(asked))
    to = asked.to or Path(f"{asked.unit.replace('/', '-')}.png")
    if to.suffix != ".png":
        raise UsageError(f"--to {to}: a file that ends in .png is wanted")
    if asked.occluder is not None and asked.occluder < 1:
        raise UsageError(f"--occluder {asked.occluder}: must be at least 1")
    image = image_of(asked.image, settings)
    network = network_of(settings)
    layer, unit = _unit(network, asked.unit)
    square = square_for(network.preprocessing, asked.occluder)
    stimulus = network.preprocessing.stimulus(image)
    _occlude(network, layer, unit, stimulus, square=square, to=to)
    print(to)
    return 0


def _occlude(
    network: Network, layer: Layer, unit: int, stimulus: np.ndarray, *, square: Square, to: Path
) -> None:
    """Draw a unit's map for a stimulus into a file, and print what it says."""
    from atlas.data.whole_files import write_whole
    from atlas.drawing.heat import beside_its_map
    from atlas.experiments.occlusion import all_responses
    from atlas.networks.batching import BATCH, slots_of
    from atlas.runtime.progress import bar
    from atlas.site.phrases import activation, named

    classes, slots = _classes(network), slots_of(network, BATCH)
    found = all_responses(
        network, stimulus, square,
        layer=layer, classes=classes, slots=slots, unit=unit, progress=bar,
    )  # fmt: skip
    whole, grid = float(found.sums[0]), found.sums[1:].reshape(square.places)
    row, column = divmod(int(grid.argmin()), square.places[1])
    lowest, (down, right) = float(grid[row, column]), square.centre(row, column)
    less = f" ({100 * (whole - lowest) / whole:.0f} % less)" if whole else ""
    said = (
        f"{layer.id}/{unit}: {activation(whole)} without the square, lowest "
        f"{activation(lowest)}{less}"
    )
    write_whole(
        to,
        beside_its_map(
            stimulus, grid.tolist(), square=square, at=(row, column), caption=said,
            scale=("0", activation(float(grid.max()))),
        ),
    )  # fmt: skip
    rows, columns = square.places
    print(
        f"a square of {square.side} pixels at {rows} x {columns} places, {square.stride} apart, "
        f"of levels {', '.join(map(str, square.colour))}"
    )
    print(f"{said}, with its middle at row {down}, column {right}")
    if classes and found.probabilities is not None:
        best = int(found.probabilities[0].argmax())
        chances = found.probabilities[:, best]
        print(
            f"most probable is {named(classes.names[best])}: {chances[0]:.2f} without the square, "
            f"lowest {chances[1:].min():.2f}"
        )


def _classes(network: Network) -> Classes | None:
    """What the network scores, by numbers where its weights don't tell; None without scores."""
    from atlas.experiments.subjects import Classes

    if network.scores is None:
        return None
    count = network.graph.shapes[network.scores][0]
    known = len(network.classes) == count
    names = network.classes if known else tuple(map(str, range(count)))
    return Classes(network.scores, names, known)


def _unit(network: Network, name: str) -> tuple[Layer, int]:
    """A unit by its address. Raises ``UsageError`` where there is none."""
    layer_name, _, number = name.rpartition("/")
    if not layer_name or not number.isdigit():
        raise UsageError(f"--unit {name}: a layer and a number are wanted, such as conv5/17")
    layer = network.layer(layer_name)
    if int(number) >= layer.units:
        raise UsageError(f"--unit {name}: {layer_name} has {layer.units} units")
    return layer, int(number)


COMMAND = Command(
    name="occlude",
    description="""\
Slide a grey square over an image, and draw what a unit's map adds up to for each place of the
square (Zeiler & Fergus 2013, figure 7b). Give --model, --weights and what the network sees as for
the build.""",
    examples="""\
  python build.py occlude dog/00011.png --unit conv5/22 --to dog.png
      a picture of the demo world, by its name
  python build.py occlude rex.jpg --unit conv5/17 --model alexnet --weights default
      a photograph, and AlexNet with torchvision's published weights""",
    add=add,
    run=run,
)
