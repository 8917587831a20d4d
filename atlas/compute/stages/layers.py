"""What the network and its layers are, read from its graph, and the sheet of its pixel filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.compute.filters import pixel_filters
from atlas.compute.stage import Stage
from atlas.data import addresses
from atlas.data.documents import LAYER, NETWORK
from atlas.data.escaping import escaped
from atlas.data.records import LayerFacts, NetworkFacts, PreprocessingFacts, ReceptiveField
from atlas.drawing import pixels
from atlas.networks import receptive_fields
from atlas.networks.connections import parents
from atlas.reconstruction import close_ups
from atlas.reconstruction.extensions import extensions, image_free

if TYPE_CHECKING:
    from atlas.compute.run import Run
    from atlas.networks.network import Network


def run(run: Run) -> None:
    """Describe the network and its layers."""
    if not run.leads:
        return
    network, settings = run.network, run.settings
    layers = network.choose(settings.layer_globs)
    above = parents(network.graph, layers)
    for layer in layers:
        weight, field = pixel_filters(network, layer), layer.held
        close_up = close_ups.largest(
            settings.tiles, field.size, network.preprocessing.input_shape[1:]
        )
        facts = LayerFacts(
            layer.id,
            layer.module,
            layer.kind,
            layer.shape,
            _written(field),
            pixels.plate_of((close_up, close_up) if close_up else field.size, settings.pictures),
            None if weight is None else pixels.filter_layout(weight.shape),
            tuple(above[layer.id]),
            image_free(network.graph, layer.node, settings.rule),
            None if field == layer.field else _written(layer.field),
            close_up,
        )
        run.write(LAYER, facts, layer.id)
        if weight is not None:
            sheet = pixels.filter_sheet(weight, network.preprocessing.std)
            sheet.save(run.folder / addresses.filters_file(layer.id), optimize=True)
    run.write(NETWORK, _facts(network))


def _written(field: receptive_fields.ReceptiveField) -> ReceptiveField:
    return ReceptiveField(field.size, field.stride, field.offset)


def _facts(network: Network) -> NetworkFacts:
    seen = network.preprocessing
    return NetworkFacts(
        escaped(network.name),
        escaped(network.weights),
        network.weights_hash,
        network.missing,
        len(network.layers),
        sum(parameter.numel() for parameter in network.module.parameters()),
        tuple(extensions(network.graph)),
        PreprocessingFacts(
            seen.resize, seen.crop, seen.mean, seen.std, seen.interpolation, seen.mode
        ),
        network.left_out,
    )


STAGE = Stage(
    "layers",
    run,
    (NETWORK, LAYER),
    inputs=("network",),
    settings=("layers", "rule", "images_policy", "tiles"),
    files=("*/filters.png",),
)
