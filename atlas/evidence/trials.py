"""What is tried on reconstructions, to see what they prove; the measures are in ``evidence``."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from atlas.data.records import MEASURES
from atlas.evidence import measures
from atlas.evidence.partial_forward import ascend, cone
from atlas.networks.graph import Graph
from atlas.networks.layers import Layer
from atlas.reconstruction.deconvnet import Recording, descend, placed, start
from atlas.reconstruction.windows import Span, Window, cut, gathered

EVERY = 4  # of the nine every fourth is compared with other units, and with marks elsewhere
OF_PICTURES = ("ssim", "rank", "own")  # measures
MEMORY = 1 << 30  # bytes that all values of the stimuli that are tried at once may take


@dataclass(frozen=True)
class TrialInputs:
    """What winners of N stimuli are tried on: the control twin, and two forms of the input.

    ``sharp`` and ``blurred`` are ``[N, C, H, W]``.
    """

    control: Graph
    sharp: Tensor
    blurred: Tensor


@dataclass(frozen=True)
class Winners:
    """B winners of a layer: each its unit, rank and image; which of the stimuli; where; how much.

    All are ``[B]``, but ``position`` ``[B, 2]`` (row, column) and ``box`` ``[B, 4]``, the true box
    (top, left, bottom, right) in the input frame.
    """

    unit: Tensor
    rank: Tensor
    image: Tensor
    of: Tensor
    value: Tensor
    position: Tensor
    box: Tensor

    def only(self, rows: Tensor) -> Winners:
        """Some of them, by their numbers or by a mask."""
        return Winners(*(getattr(self, part.name)[rows] for part in fields(self)))


@dataclass(frozen=True)
class Trials:
    """What came of it: ``figures`` ``[B, 7]`` float32, one for each of ``data.MEASURES``.

    They are NaN where nothing was tried. ``twin`` are the control twin's reconstructions, ``marks``
    ``[B, h, w]`` bool the pixels that were kept, in the same windows.
    """

    figures: np.ndarray
    twin: Window
    marks: Tensor


def tried(
    bench: TrialInputs,
    recording: Recording,
    layer: Layer,
    winners: Winners,
    found: Window,
    rule: str,
) -> Trials:
    """Try the reconstructions ``found`` of winners."""
    signal = start(layer, winners.value, winners.unit, winners.position)
    control = replace(recording, graph=bench.control)
    twin = descend(control, layer.node, signal, winners.of, rule)
    where = _inside(found, winners.box)
    cells = measures.cells(where) > 0
    values, of_twin = measures.scaled(found.values), measures.scaled(twin.values)
    energy, other = (measures.cells(each.square().sum(1)) for each in (values, of_twin))
    marks = measures.marked(energy, cells)
    size = found.values.shape[2], found.values.shape[3]
    pixels = measures.enlarged(marks, *size)

    figures = dict.fromkeys(MEASURES, winners.value.new_full((len(where),), torch.nan))
    pictures = measures.picture(values), measures.picture(of_twin)
    figures["ssim"] = measures.ssim(*pictures, measures.small(where) >= 0.5)
    filled = cells & ((energy > 0) | (other > 0))
    flat = (each.flatten(1) for each in (energy, other, filled))
    figures["rank"] = measures.rank_correlation(*flat)
    marked = _like(found, pixels)
    figures["kept"], figures["lost"] = _again(bench, recording.graph, layer, winners, marked)

    few = winners.rank % EVERY == 0
    if few.any():
        some, own = winners.only(few), _rows(found, few)
        moved = measures.moved(marks[few], cells[few], _luck(layer, some))
        elsewhere = _like(own, measures.enlarged(moved, *size))
        others = _others(recording, layer, some, rule)
        kept, lost = _again(bench, recording.graph, layer, some, elsewhere)
        share = measures.own_share(own.values, others.values)
        for measure, one in (("kept_elsewhere", kept), ("lost_elsewhere", lost), ("own", share)):
            figures[measure] = figures[measure].masked_scatter(few, one)
    empty = (energy == 0).flatten(1).all(1)  # there is no picture to be like another
    for measure in OF_PICTURES:
        figures[measure] = torch.where(empty, torch.nan, figures[measure])
    columns = torch.stack([figures[measure] for measure in MEASURES], 1)
    return Trials(columns.float().cpu().numpy(), twin, pixels)


def _others(recording: Recording, layer: Layer, winners: Winners, rule: str) -> Window:
    """What the layer's other units show together, of the same stimuli at the same positions."""
    maps = layer.maps(recording.activations[layer.node])
    column = maps[winners.of, :, winners.position[:, 0], winners.position[:, 1]].clone()
    column[torch.arange(len(column), device=column.device), winners.unit] = 0
    signal = placed(layer, column, winners.position)
    return descend(recording, layer.node, signal, winners.of, rule)


def _again(
    bench: TrialInputs, graph: Graph, layer: Layer, winners: Winners, marks: Window
) -> tuple[Tensor, Tensor]:
    """What share of each activation is kept where only marks are sharp, and lost where they aren't.

    ``marks`` are windows of the input frame, ``[B, 1, h, w]``, 1 or 0.
    """
    kept, lost = [winners.value[:0]], [winners.value[:0]]
    together = max(1, MEMORY // graph.footprint)
    for rows in torch.arange(len(winners.of), device=winners.of.device).split(together):
        some = winners.only(rows)
        position, unit = (torch.cat([each, each]) for each in (some.position, some.unit))
        spans = cone(graph, layer, position)
        node, span = next(reversed(spans.items()))
        if graph.operations[node].kind != "input":  # it doesn't depend on the stimulus
            kept.append(torch.ones_like(some.value))
            lost.append(torch.zeros_like(some.value))
            continue
        half = Span(span.top[: len(rows)], span.left[: len(rows)], span.size) if span else None
        sharp, soft = (
            inputs[some.of] if half is None else gathered(inputs, some.of, half)
            for inputs in (bench.sharp, bench.blurred)
        )
        shape = (1, *graph.input_shape[1:])
        mask = cut(_rows(marks, rows), half, shape).values > 0
        inputs = torch.cat([torch.where(mask, sharp, soft), torch.where(mask, soft, sharp)])
        given = Window(inputs, span.top, span.left) if span else Window(inputs)
        only, rest = ascend(graph, layer, spans, given, unit, position).clamp_min(0).chunk(2)
        kept.append(only / some.value)
        lost.append(1 - rest / some.value)
    return torch.cat(kept), torch.cat(lost)


def _inside(found: Window, box: Tensor) -> Tensor:
    """Where windows of the input frame lie in boxes ``[B, 4]``: ``[B, h, w]``, 1 or 0."""
    size = found.values.shape[2], found.values.shape[3]
    zero = torch.zeros(len(box), dtype=torch.long, device=box.device)
    rows, columns = (Span(zero, zero, size) if found.is_whole else found.span).places
    down = (rows >= box[:, :1]) & (rows < box[:, 2:3])
    across = (columns >= box[:, 1:2]) & (columns < box[:, 3:])
    return (down[:, :, None] & across[:, None, :]).to(found.values.dtype)


def _like(found: Window, marks: Tensor) -> Window:
    """Marks of pixels as windows that lie as others do."""
    return replace(found, values=marks[:, None].to(found.values.dtype))


def _rows(window: Window, rows: Tensor) -> Window:
    if window.top is None or window.left is None:
        return Window(window.values[rows])
    return Window(window.values[rows], window.top[rows], window.left[rows])


def _luck(layer: Layer, winners: Winners) -> Tensor:
    """A number in [0, 1) for each, ever the same."""
    name = zlib.crc32(layer.id.encode())
    keys = torch.stack([winners.image, winners.unit, winners.rank], 1).tolist()
    drawn = [np.random.default_rng([name, *key]).random() for key in keys]
    return torch.tensor(drawn, dtype=torch.float32, device=winners.of.device)
