"""Deconvnet reconstructions: one activation projected back to pixels.

Zeiler & Fergus 2013 (arXiv 1311.2901), section 2.1: set all activations of a layer but one to zero,
and pass this one-hot signal down: unpool it by the switches of the stimulus, rectify it, filter it
with the transposed filters, and so on until the pixels are reached. Biases play no part, and
nothing is rectified after the last filter, so the result is signed.

The paper treats convolution, rectification and max pooling. Later operations pass a signal down as
follows: batch norm by its scale; average pooling, flattening and linear layers by their adjoint; a
sum to all its terms; a concatenation by its slices; a product with a gate (channel attention)
through the gated factor alone, with the gate held at its value for this stimulus; any other
operation by its derivative at this stimulus. Where pooling windows overlap and share a switch,
their signals add, as in the adjoint.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from atlas.errors import UsageError
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.networks.operations import Input, Node
from atlas.reconstruction import windows
from atlas.reconstruction.projection import Projection, Recording
from atlas.reconstruction.recording import record
from atlas.reconstruction.rules import behaviour
from atlas.reconstruction.smoothing import samples_of
from atlas.reconstruction.windows import Window


def project_back(
    recording: Recording, node: Node, signal: Window, *, stimulus: Tensor, rule: str
) -> Window:
    """Project B signals at a node back to the input, by one of the recording's rules.

    ``stimulus`` ``[B]`` is the recorded stimulus of each signal.
    """
    assert rule in recording.rules
    graph = recording.graph
    if behaviour(rule).samples:
        return _averaged(recording, node, signal, stimulus=stimulus, rule=rule)
    projection, step = Projection(recording, stimulus), behaviour(rule).step
    signals = {node: signal}
    nodes = list(graph.operations)
    with torch.no_grad():
        for here in reversed(nodes[: nodes.index(node) + 1]):
            if here not in signals:
                continue
            arriving, operation = signals.pop(here), graph.operations[here]
            if isinstance(operation, Input):
                return arriving
            for below, part in step(projection, operation, arriving):
                shape, have = graph.shapes[below], signals.get(below)
                clipped = windows.clipped(part, shape)
                signals[below] = clipped if have is None else windows.added(have, clipped, shape)
    # the layer doesn't depend on the input
    return Window(signal.values.new_zeros((len(signal.values), *graph.input_shape)))


def _averaged(
    recording: Recording, node: Node, signal: Window, *, stimulus: Tensor, rule: str
) -> Window:
    """The mean of the gradients at faded stimuli, times the stimulus (``smoothing``)."""
    graph, samples = recording.graph, behaviour(rule).samples
    image = graph.trace.image
    which, of = stimulus.unique(return_inverse=True)
    stimuli = recording.inputs[image][image][which]
    total: Window | None = None
    for changed in samples_of(stimuli, samples):
        again = record(recording.ran or graph, changed, [node], "gradient")
        again = replace(again, graph=graph, factors=recording.factors)
        down = project_back(again, node, signal, stimulus=of, rule="gradient")
        total = down if total is None else windows.added(total, down, graph.input_shape)
    assert total is not None
    if total.is_whole:
        return Window(total.values / samples * stimuli[of])
    at = windows.gathered(stimuli, of, total.span)
    return replace(total, values=total.values / samples * at)


def one_hot_signal(layer: Layer, values: Tensor, *, units: Tensor, positions: Tensor) -> Window:
    """B signals at a layer's node: one activation each, with its value, and zeros.

    ``values`` ``[B]`` are the activations of ``units`` ``[B]`` at ``positions`` ``[B, 2]`` (row,
    column).
    """
    columns = values.new_zeros((len(values), layer.units))
    columns[torch.arange(len(values), device=values.device), units] = values
    return one_position_signal(layer, columns, positions=positions)


def one_position_signal(layer: Layer, columns: Tensor, *, positions: Tensor) -> Window:
    """B signals at a layer's node: ``columns`` ``[B, units]`` at one position each, and zeros.

    ``positions`` is ``[B, 2]`` (row, column).
    """
    if layer.dims == (1, 2, 3):
        return Window(columns[:, :, None, None], positions[:, 0], positions[:, 1])
    maps = columns.new_zeros((len(columns), *layer.shape))
    rows = torch.arange(len(columns), device=columns.device)
    maps[rows, :, positions[:, 0], positions[:, 1]] = columns
    return Window(layer.value(maps))


def reconstruct(
    network: Network,
    stimulus: np.ndarray | Tensor | Image.Image,
    layer: str,
    unit: int,
    position: tuple[int, int],
    rule: str = "deconvnet",
) -> Tensor:
    """Project one activation of a stimulus back to pixels: ``[C, H, W]`` in the input frame.

    ``stimulus`` is the image in the network's input frame, ``[H, W, C]`` uint8; or the network's
    input itself, a tensor ``[C, H, W]``; or a PIL image, which is preprocessed first. The result
    is signed and in the units of the network's input: the normalisation is not undone. ``rule``
    names one of ``atlas.data.rules``. Raises
    ``UsageError`` for a layer, unit, position or rule that doesn't exist.
    """
    chosen = network.layer(layer)
    units, height, width = chosen.shape
    row, column = position
    if not 0 <= unit < units:
        raise UsageError(f"{layer} has {units} units, so no unit {unit}")
    if not (0 <= row < height and 0 <= column < width):
        raise UsageError(f"{layer} has {height}x{width} positions, so none at ({row}, {column})")
    if isinstance(stimulus, Image.Image):
        stimulus = network.preprocessing.stimulus(stimulus)
    if isinstance(stimulus, Tensor):
        inputs = stimulus.to(network.device, network.graph.dtype)[None]
    else:
        inputs = network.inputs(stimulus[None])
    recording = record(network.graph, inputs, [chosen.node], rule)
    value = chosen.maps(recording.activations[chosen.node])[0, unit, row, column]
    signal = one_hot_signal(
        chosen,
        value[None],
        units=torch.tensor([unit], device=inputs.device),
        positions=torch.tensor([position], device=inputs.device),
    )
    only = torch.zeros(1, dtype=torch.long, device=inputs.device)
    projected = project_back(recording, chosen.node, signal, stimulus=only, rule=rule)
    return windows.whole(projected, network.graph.input_shape).values[0]
