"""How large an atlas will be, before it is computed."""

from __future__ import annotations

from collections.abc import Iterable

from atlas import pixels
from atlas.units import Layer

# bytes, as they were found in atlases of AlexNet, SqueezeNet and the demo network
CRISP_PLATE, PLATE = 6_000, 15_500
PAGE, DATA = 9_500, 3_000
PER_PIXEL = 0.22  # of a stimulus


def size_of(layers: Iterable[Layer], units: int | None, images: int, side: tuple[int, int]) -> int:
    """About how many bytes an atlas will take.

    ``units`` of each layer are shown, all for None; ``images`` are looked at, each of ``side``
    (height, width) pixels as the network sees it, and kept if they are among somebody's nine.
    """
    total, shown = 0, 0
    for layer in layers:
        count = min(layer.units, units or layer.units)
        crisp = pixels.is_crisp(layer.field.size)
        total += count * ((CRISP_PLATE if crisp else PLATE) + PAGE + DATA)
        shown += count
    return total + round(min(images, 9 * shown) * side[0] * side[1] * PER_PIXEL)
