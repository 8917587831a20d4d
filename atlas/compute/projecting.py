"""How large an atlas will be, before it is computed."""

from __future__ import annotations

from collections.abc import Iterable

from atlas.drawing import pixels
from atlas.networks.layers import Layer

# bytes, as they were found in atlases of AlexNet, SqueezeNet and the demo network
CRISP_PLATE, PLATE = 15_500, 17_500  # with their thumbnails
TRIED = 11_000  # a plate of what was tried, and a strip
CRISP_JPEG, JPEG = 30_000, 26_000
PAGE, DATA = 26_000, 7_000
LEAN = 27_000  # all of a unit
PER_PIXEL = 0.22  # of a stimulus
FIGURES = 750_000  # a layer's


def size_of(
    layers: Iterable[Layer],
    units: int | None,
    images: int,
    side: tuple[int, int],
    jpeg: bool = True,
    evidence: bool = True,
    lean: bool = False,
) -> int:
    """SiteInfo how many bytes an atlas will take.

    ``units`` of each layer are shown, all for None; ``images`` are looked at, each of ``side``
    (height, width) pixels as the network sees it, and kept if they are among somebody's nine.
    ``jpeg`` is whether each plate is kept in that form, too, ``evidence`` whether it is tried,
    ``lean`` whether there is nothing of a unit but its page, its plate and its data.
    """
    total, shown = 0, 0
    for layer in layers:
        count = min(layer.units, units or layer.units)
        crisp = pixels.is_crisp(layer.field.size)
        plate = (CRISP_PLATE if crisp else PLATE) + jpeg * (CRISP_JPEG if crisp else JPEG)
        each = LEAN if lean else plate + evidence * TRIED + PAGE + DATA
        total += count * each + round(FIGURES * min(1, count / 6))
        shown += count
    if lean:
        return total
    return total + round(min(images, 9 * shown) * side[0] * side[1] * PER_PIXEL)
