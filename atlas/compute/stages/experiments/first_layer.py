"""The first layer's filters, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.filters import pixel_filters
from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES
from atlas.data.experiments.first_layer import FIRST_LAYER, FirstLayer
from atlas.data.experiments.outcomes import Outcome
from atlas.experiments import first_layer
from atlas.experiments.passes import values_of
from atlas.experiments.subjects import spread
from atlas.networks.layers import Layer
from atlas.networks.network import Network

if TYPE_CHECKING:
    from atlas.compute.run import Run

MOST_IMAGES = 256  # spread over all, for whose places the units compete


def run(run: Run) -> None:
    """Measure them."""
    network = run.network
    found = first(network)
    if found is None:
        none = "no layer of this network has filters that read the image itself"
        run.write(FIRST_LAYER, Outcome(None, none))
        return
    layer, weights = found
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    some = spread(usable, MOST_IMAGES)
    blocks = [some[first : first + run.slots] for first in range(0, len(some), run.slots)]

    def compete(block: list[int]) -> dict[str, np.ndarray]:
        pixels = stimuli_of(run, block)
        values = values_of(network, pixels, [layer.node], slots=run.slots)
        maps = (layer.maps(one[layer.node]).numpy(force=True) for one in values)
        counts, places = first_layer.wins(maps, layer.units)
        return {"counts": counts, "places": np.array(places)}

    parts = shared_work(run, blocks, compete, what="first layer")
    if not run.leads:
        return
    counts = np.sum([part["counts"] for part in parts], axis=0)
    places = sum(int(part["places"]) for part in parts)
    stride = layer.field.stride
    filters = first_layer.measured(weights, counts / places, stride=stride)
    kernel = (weights.shape[2], weights.shape[3])
    result = FirstLayer(layer.id, kernel, stride, len(some), places, filters)
    run.write(FIRST_LAYER, Outcome(result))


def first(network: Network) -> tuple[Layer, np.ndarray] | None:
    """The first layer whose filters read the image itself, and these ``[U, C, h, w]``."""
    for layer in network.layers.values():
        weights = pixel_filters(network, layer)
        if weights is not None and len(weights) == layer.units:
            return layer, weights
    return None


STAGE = Stage(
    "first-layer",
    run,
    (FIRST_LAYER,),
    needs=("scan",),
    inputs=("network", "images", "slots"),
)
