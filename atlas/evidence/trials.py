"""Trials: experiments on reconstructions, which ``measures`` measures.

Every reconstruction is compared with that of the control twin. Then the network is run again on
stimuli of which only the marked pixels are sharp, and on stimuli of which they alone are blurred,
to see how much of the activation is left.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from atlas.data.measures import MEASURES
from atlas.evidence import measures
from atlas.evidence.partial_forward import activations, cone
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.networks.operations import Input
from atlas.reconstruction.deconvnet import one_hot_signal, one_position_signal, project_back
from atlas.reconstruction.projection import Recording
from atlas.reconstruction.windows import Span, Window, cut, gathered

EVERY = 4  # every fourth of the nine is compared with other units, and with marks elsewhere
MEMORY = 1 << 30  # bytes of all values of the stimuli that are tried at once, at most


@dataclass(frozen=True)
class TrialInputs:
    """What the trials of N stimuli need: the control twin, and the network's inputs twice.

    ``sharp`` and ``blurred`` are ``[N, C, H, W]``.
    """

    control: Graph
    sharp: Tensor
    blurred: Tensor


@dataclass(frozen=True)
class Winners:
    """B winners of a layer.

    ``unit``, ``rank`` and ``image`` ``[B]`` name them; ``stimulus`` ``[B]`` is the recorded
    stimulus of each, ``value`` ``[B]`` its activation and ``position`` ``[B, 2]`` (row, column)
    the activation's position. ``box`` ``[B, 4]`` (top, left, bottom, right) is its true box, with
    gates held.
    """

    unit: Tensor
    rank: Tensor
    image: Tensor
    stimulus: Tensor
    value: Tensor
    position: Tensor
    box: Tensor

    def only(self, rows: Tensor) -> Winners:
        """Some of the winners: by their numbers, or by a mask."""
        return Winners(*(getattr(self, part.name)[rows] for part in fields(self)))


@dataclass(frozen=True)
class Trials:
    """The results of trying B reconstructions.

    ``figures`` ``[B, M]`` float32 holds one column for each of ``MEASURES``, NaN where a measure
    was not taken. ``twin`` holds the control twin's reconstructions, and ``marks`` ``[B, h, w]``
    bool the marked pixels in the same windows.
    """

    figures: np.ndarray
    twin: Window
    marks: Tensor


def run_trials(
    winners: Winners,
    reconstructions: Window,
    *,
    layer: Layer,
    recording: Recording,
    rule: str,
    inputs: TrialInputs,
) -> Trials:
    """Try the reconstructions of winners of a layer, made of a recording by a rule."""
    values = reconstructions.values
    signal = one_hot_signal(layer, winners.value, units=winners.unit, positions=winners.position)
    twin = project_back(
        replace(recording, graph=inputs.control, ran=recording.graph),
        layer.node,
        signal,
        stimulus=winners.stimulus,
        rule=rule,
    )
    where = inside_boxes(reconstructions, winners.box)
    cells = measures.cells(where) > 0
    own_scaled, twin_scaled = measures.scaled(values), measures.scaled(twin.values)
    energy = measures.cells(own_scaled.square().sum(1))
    twin_energy = measures.cells(twin_scaled.square().sum(1))
    marks = measures.marked(energy, cells)
    size = values.shape[2], values.shape[3]
    pixels = measures.enlarged(marks, *size)

    blank = winners.value.new_full((len(where),), torch.nan)
    figures = {measure.name: blank for measure in MEASURES}
    figures["ssim"] = measures.ssim(
        measures.picture(own_scaled),
        measures.picture(twin_scaled),
        measures.small(where) >= 0.5,
    )
    filled = cells & ((energy > 0) | (twin_energy > 0))
    figures["rank"] = measures.rank_correlation(
        energy.flatten(1), twin_energy.flatten(1), filled.flatten(1)
    )
    marked = as_windows(reconstructions, pixels)
    shares = shares_of(winners, marked, layer=layer, graph=recording.graph, inputs=inputs)
    figures["kept"], figures["lost"] = shares.kept, shares.lost

    few = winners.rank % EVERY == 0
    if few.any():
        some, own = winners.only(few), _chosen(reconstructions, few)
        moved = measures.moved(marks[few], cells[few], random_of(layer, some))
        elsewhere = as_windows(own, measures.enlarged(moved, *size))
        others = _other_units(some, layer=layer, recording=recording, rule=rule)
        shares = shares_of(some, elsewhere, layer=layer, graph=recording.graph, inputs=inputs)
        taken = {
            "kept_elsewhere": shares.kept,
            "lost_elsewhere": shares.lost,
            "own": measures.own_share(own.values, others.values),
        }
        for name, figure in taken.items():
            figures[name] = figures[name].masked_scatter(few, figure)
    empty = (energy == 0).flatten(1).all(1)  # no picture to compare with another
    for measure in MEASURES:
        if measure.of_picture:
            figures[measure.name] = torch.where(empty, torch.nan, figures[measure.name])
    columns = torch.stack([figures[measure.name] for measure in MEASURES], 1)
    return Trials(columns.float().cpu().numpy(), twin, pixels)


def _other_units(winners: Winners, *, layer: Layer, recording: Recording, rule: str) -> Window:
    """The reconstruction of the layer's other units together, at each winner's position."""
    maps = layer.maps(recording.activations[layer.node])
    row, column = winners.position[:, 0], winners.position[:, 1]
    columns = maps[winners.stimulus, :, row, column].clone()
    columns[torch.arange(len(columns), device=columns.device), winners.unit] = 0
    signal = one_position_signal(layer, columns, positions=winners.position)
    return project_back(recording, layer.node, signal, stimulus=winners.stimulus, rule=rule)


@dataclass(frozen=True)
class Shares:
    """The share of B activations that is kept with marks alone, and lost without them: ``[B]``."""

    kept: Tensor
    lost: Tensor


def shares_of(
    winners: Winners, marks: Window, *, layer: Layer, graph: Graph, inputs: TrialInputs
) -> Shares:
    """Run the network again with only the marks sharp, and with only the marks blurred.

    ``marks`` are windows of the input frame, ``[B, 1, h, w]``, 1 or 0.
    """
    kept, lost = [winners.value[:0]], [winners.value[:0]]
    together = max(1, MEMORY // graph.footprint)
    rows_of_all = torch.arange(len(winners.stimulus), device=winners.stimulus.device)
    for rows in rows_of_all.split(together):
        some = winners.only(rows)
        position, unit = torch.cat([some.position] * 2), torch.cat([some.unit] * 2)
        spans = cone(graph, layer, position)
        node, span = next(reversed(spans.items()))
        if not isinstance(graph.operations[node], Input):  # it doesn't depend on the stimulus
            kept.append(torch.ones_like(some.value))
            lost.append(torch.zeros_like(some.value))
            continue
        half = Span(span.top[: len(rows)], span.left[: len(rows)], span.size) if span else None
        sharp = _at(inputs.sharp, some.stimulus, half)
        blurred = _at(inputs.blurred, some.stimulus, half)
        shape = (1, *graph.input_shape[1:])
        mask = cut(_chosen(marks, rows), half, shape=shape).values > 0
        mixed = torch.cat([torch.where(mask, sharp, blurred), torch.where(mask, blurred, sharp)])
        window = Window(mixed, span.top, span.left) if span else Window(mixed)
        values = activations(graph, layer, window, spans=spans, units=unit, positions=position)
        marks_alone, rest_alone = values.clamp_min(0).chunk(2)
        kept.append(marks_alone / some.value)
        lost.append(1 - rest_alone / some.value)
    return Shares(torch.cat(kept), torch.cat(lost))


def _at(inputs: Tensor, stimulus: Tensor, span: Span | None) -> Tensor:
    """The inputs of some stimuli where windows lie; the whole inputs for None."""
    return inputs[stimulus] if span is None else gathered(inputs, stimulus, span)


def inside_boxes(windows: Window, box: Tensor) -> Tensor:
    """The pixels of windows of the input frame that lie in boxes ``[B, 4]``: ``[B, h, w]``, 1 or 0.

    A window without a place is the whole frame.
    """
    size = windows.values.shape[2], windows.values.shape[3]
    zero = torch.zeros(len(box), dtype=torch.long, device=box.device)
    rows, columns = (Span(zero, zero, size) if windows.is_whole else windows.span).places
    down = (rows >= box[:, :1]) & (rows < box[:, 2:3])
    across = (columns >= box[:, 1:2]) & (columns < box[:, 3:])
    return (down[:, :, None] & across[:, None, :]).to(windows.values.dtype)


def as_windows(windows: Window, marks: Tensor) -> Window:
    """Marks of pixels ``[B, h, w]`` as windows in the places of these."""
    return replace(windows, values=marks[:, None].to(windows.values.dtype))


def _chosen(window: Window, rows: Tensor) -> Window:
    """Some of the windows: by their numbers, or by a mask."""
    if window.top is None or window.left is None:
        return Window(window.values[rows])
    return Window(window.values[rows], window.top[rows], window.left[rows])


def random_of(layer: Layer, winners: Winners) -> Tensor:
    """A number in [0, 1) for each winner, ``[B]``, the same in every run."""
    name = zlib.crc32(layer.id.encode())
    keys = torch.stack([winners.image, winners.unit, winners.rank], 1).tolist()
    numbers = [np.random.default_rng([name, *key]).random() for key in keys]
    return torch.tensor(numbers, dtype=torch.float32, device=winners.stimulus.device)
