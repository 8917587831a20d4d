"""The forward pass of a scan: the network's numbers to the last bit, and the peaks of its maps.

A batch norm, a sum and a rectification may follow a convolution, and then a scan takes the maps'
peaks. Each of these reads all maps from memory, and most write them again: together a tenth of the
time. Here one loop does all of them to a convolution's maps in place, and takes the peaks as well.
And filters are laid out for the processor once, not again for every batch.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from atlas.networks import operations as ops
from atlas.networks.graph import Graph, Step
from atlas.networks.operations import Node, Operation
from atlas.runtime.compiled import by_position, compiled, in_threads, supports_loops

WORTH_A_THREAD = 1 << 21  # numbers


@dataclass(frozen=True)
class Peaks:
    """The maximum of each feature map and its place: ``[N, U]`` each.

    Places count positions in row-major order; of several maxima the first counts.
    """

    value: Tensor
    place: Tensor


@dataclass(frozen=True)
class Scale:
    """A batch norm in evaluation mode: it multiplies by ``factor`` and adds ``shift``, ``[U]``."""

    factor: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class Chain:
    """Steps on maps that no other operation reads, in this order.

    Apply the batch norm ``norm``, add the value of ``term``, rectify.
    """

    norm: Node | None = None
    term: Node | None = None
    rectifies: bool = False


@dataclass(frozen=True)
class Forward:
    """A graph that is prepared to compute the values of some ``nodes`` of ``slots`` images at once.

    ``steps`` compute their nodes in another way than the graph does. ``chains`` are applied at
    their nodes; the nodes before may have left some steps of a chain to it. ``scales`` are those of
    the batch norms.
    """

    graph: Graph
    nodes: frozenset[Node]
    slots: int
    steps: Mapping[Node, Step]
    chains: Mapping[Node, Chain]
    scales: Mapping[Node, Scale]

    def run(self, inputs: Tensor) -> Iterator[tuple[Node, Tensor, Peaks | None]]:
        """Yield each of the nodes with its value, and with its peaks where the loop took them.

        A value may be overwritten when the next one is computed.
        """
        taken: dict[Node, Peaks] = {}
        ends = {node: functools.partial(self._finished, node, taken) for node in self.chains}
        remaining = len(self.nodes)
        with torch.inference_mode():
            for node, values in self.graph.run(inputs, instead={**self.steps, **ends}):
                if node in self.nodes:
                    yield node, values[node], taken.pop(node, None)
                    remaining -= 1
                    if not remaining:
                        return

    def _finished(self, node: Node, taken: dict[Node, Peaks], values: dict[Node, Any]) -> Tensor:
        """The maps of a node, changed in place; their peaks go into ``taken``."""
        chain, operation = self.chains[node], self.graph.operations[node]
        pending = _pending(operation, chain, values)
        maps, term = pending.maps, pending.term
        parts = [part for part in (maps, term) if part is not None]
        if not all(
            supports_loops(p.device, p.dtype) and by_position(p).is_contiguous() for p in parts
        ):
            return self._one_by_one(chain, maps, term)
        peaks = None
        if node in self.nodes:
            value = maps.new_empty(maps.shape[:2])
            peaks = Peaks(value, torch.empty_like(value, dtype=torch.int32))
        scale = None if chain.norm is None else self.scales[chain.norm]
        finish(maps, scale=scale, term=term, rectifies=chain.rectifies, peaks=peaks)
        if peaks:
            taken[node] = Peaks(peaks.value, peaks.place.long())
        return maps

    def _one_by_one(self, chain: Chain, maps: Tensor, term: Tensor | None) -> Tensor:
        """The steps of a chain by torch, for tensors that the loop doesn't support."""
        if chain.norm is not None:
            (below,) = self.graph.operations[chain.norm].inputs
            maps = self.graph.evaluate(chain.norm, {below: maps})
        if term is not None:
            maps = maps.add_(term)
        return maps.relu_() if chain.rectifies else maps


def prepared(graph: Graph, nodes: Iterable[Node], slots: int) -> Forward:
    """Prepare a graph to compute the values of ``nodes``, of ``slots`` images at once."""
    wanted = frozenset(nodes)
    scales = _scales(graph) if supports_loops(graph.device, graph.dtype) else {}
    chains, deferred = _chains(graph, wanted, scales)
    steps: dict[Node, Step] = {
        node: functools.partial(_pending, graph.operations[node], chains[node]) for node in deferred
    }
    ends = {n: chain for n, chain in chains.items() if n not in deferred and chain != Chain()}
    watched = _watched(graph, wanted)
    for node, operation in graph.operations.items():
        end = next((n for n in node.users if ends.get(n) == Chain(rectifies=True)), None)
        rectified = end in wanted and node not in wanted and watched.issuperset(operation.inputs)
        laid_out = _laid_out(graph, operation, slots, rectified)
        if laid_out:
            steps[node] = laid_out
        if laid_out and rectified and end:
            steps[end] = operator.itemgetter(node)
            del ends[end]
    return Forward(graph, wanted, slots, steps, ends, scales)


def peaks_of(maps: Tensor) -> Peaks:
    """The peaks of feature maps ``[N, U, H, W]``."""
    if maps.device.type != "cpu":
        value, place = maps.flatten(2).max(2)
        return Peaks(value, place)
    # the same, several times as fast: it compares units that lie side by side in memory at once
    value, place = F.adaptive_max_pool2d(maps, 1, return_indices=True)
    return Peaks(value.flatten(1), place.flatten(1))


def finish(
    maps: Tensor,
    *,
    scale: Scale | None = None,
    term: Tensor | None = None,
    rectifies: bool = False,
    peaks: Peaks | None = None,
) -> None:
    """Scale maps ``[N, U, H, W]``, add a term and rectify them, in place, and take their peaks.

    The units of ``maps`` and ``term`` lie side by side in memory (channels-last). The peaks are
    written into ``peaks``, the places as int32. A product and a sum round once.
    """
    whole = _rows(maps)
    factor, shift = (scale.factor, scale.shift) if scale else (None, None)
    more = None if term is None else _rows(term)
    floor = whole.dtype.type(0) if rectifies else None
    value = peaks.value.numpy() if peaks else None
    place = peaks.place.numpy() if peaks else None
    arguments = whole, factor, shift, more, floor, value, place
    in_threads(_finish, len(maps), *arguments, most=max(1, maps.numel() // WORTH_A_THREAD))


@compiled
def _finish(maps, scale, shift, term, floor, value, place, first, last):  # type: ignore[no-untyped-def]
    _, positions, units = maps.shape
    for n in range(first, last):
        if value is not None:
            value[n] = -np.inf
            place[n] = 0
        for p in range(positions):
            here = maps[n, p]
            if scale is not None:
                for u in range(units):
                    here[u] = here[u] * scale[u] + shift[u]
            if term is not None:
                more = term[n, p]
                for u in range(units):
                    here[u] += more[u]
            if floor is not None:
                for u in range(units):
                    here[u] = floor if here[u] < floor else here[u]
            if value is not None:
                best, at = value[n], place[n]
                for u in range(units):
                    higher = (here[u] > best[u]) | (here[u] != here[u])  # NaN stays
                    best[u] = here[u] if higher else best[u]
                    at[u] = p if higher else at[u]


def _rows(maps: Tensor) -> np.ndarray:
    """A view ``[N, H * W, U]`` of maps."""
    rows: np.ndarray = by_position(maps).flatten(1, 2).numpy()
    return rows


@dataclass(frozen=True)
class _Pending:
    """The value of a node that defers its chain: maps, and the term that a later node adds."""

    maps: Tensor
    term: Tensor | None


def _pending(operation: Operation, chain: Chain, values: Mapping[Node, Any]) -> _Pending:
    """The maps that a chain changes, and the term that it adds, as far as it is known at a node."""
    (below,) = [node for node in operation.inputs if node is not chain.term]
    before = values[below]
    pending = before if isinstance(before, _Pending) else _Pending(before, None)
    if isinstance(operation, ops.Sum) and chain.term:
        return _Pending(pending.maps, values[chain.term])
    return pending


_FRESH = (ops.Convolution, ops.BatchNorm)  # their outputs are new tensors


def _chains(
    graph: Graph, wanted: frozenset[Node], scaled: Container[Node]
) -> tuple[dict[Node, Chain], set[Node]]:
    """The chains at nodes whose maps may be changed in place, and the nodes that defer theirs.

    None where a dimension is 1: strides are ambiguous there, so a copy has other strides than its
    original, and the next operation may choose a kernel that rounds differently.
    """
    chains: dict[Node, Chain] = {}
    deferred: set[Node] = set()
    for node, operation in graph.operations.items():
        shape = graph.shapes[node]
        if len(shape) != 3 or 1 in shape:
            continue
        own = next((n for n in operation.inputs if n in chains and list(n.users) == [node]), None)
        part = own and _part(graph, operation, own, scaled)
        if own and part:
            before = Chain() if own in wanted else chains[own]
            both = _joined(before, part)
            chains[node] = both or part
            if both and before != Chain():
                deferred.add(own)
        elif isinstance(operation, _FRESH):
            chains[node] = Chain()
    return chains, deferred


def _part(graph: Graph, operation: Operation, own: Node, scaled: Container[Node]) -> Chain | None:
    """The step of a chain that an operation is on the maps ``own``; None if it isn't one."""
    if operation.node in scaled:
        return Chain(norm=operation.node)
    if _rectifies(operation):
        return Chain(rectifies=True)
    both = isinstance(operation, ops.Sum) and len(operation.inputs) == 2
    if both and len({graph.shapes[n] for n in operation.inputs}) == 1:
        (term,) = (n for n in operation.inputs if n is not own)
        return Chain(term=term)
    return None


def _joined(one: Chain, then: Chain) -> Chain | None:
    """One chain of both; None if their steps don't come in a chain's order."""
    if one == Chain():
        return then
    if then.rectifies and not one.rectifies:
        return replace(one, rectifies=True)
    if then.term and not one.term and not one.rectifies:
        return replace(one, term=then.term)
    return None


def _scales(graph: Graph) -> dict[Node, Scale]:
    """The scales of the batch norms that the loop computes as torch does, to the last bit."""
    scales = {}
    for node, operation in graph.operations.items():
        if not isinstance(operation, ops.BatchNorm) or len(graph.shapes[node]) != 3:
            continue
        (below,) = operation.inputs
        units = graph.shapes[node][0]
        generator = torch.Generator().manual_seed(0)
        maps = torch.randn((4, units, 4, 4), generator=generator, dtype=graph.dtype)
        maps = maps.contiguous(memory_format=torch.channels_last)
        maps[0] = 0  # gives the shift alone
        maps[1] = 2.0**100  # so large that the shift vanishes beside it
        with torch.inference_mode():
            expected = graph.evaluate(node, {below: maps})
            factor, shift = expected[1, :, 0, 0] * 2.0**-100, expected[0, :, 0, 0].clone()
            scale = Scale(factor.numpy(), shift.numpy())
            finish(maps, scale=scale)
        if torch.equal(maps, expected):
            scales[node] = scale
    return scales


def _rectifies(operation: Operation) -> bool:
    return isinstance(operation, ops.Nonlinearity) and operation.rectifies


_HARMLESS = (
    ops.MaxPooling, ops.AveragePooling, ops.AdaptiveMaxPooling, ops.AdaptiveAveragePooling,
    ops.Identity, ops.Concatenation,
)  # fmt: skip


def _watched(graph: Graph, wanted: frozenset[Node]) -> set[Node]:
    """The nodes whose values are finite unless their own peaks or earlier ones aren't.

    OneDNN rectifies NaN to 0, where torch keeps it and a scan finds it. So oneDNN may only rectify
    where the peaks of other nodes would show NaN.
    """
    watched: set[Node] = set()
    for node, operation in graph.operations.items():
        rectifies = _rectifies(operation)
        harmless = rectifies or isinstance(operation, _HARMLESS)
        if (
            isinstance(operation, ops.Input)
            or (rectifies and node in wanted)
            or (harmless and watched.issuperset(operation.inputs))
        ):
            watched.add(node)
    return watched


def _laid_out(graph: Graph, operation: Operation, slots: int, rectified: bool) -> Step | None:
    """A step for a convolution, with a rectification if ``rectified``, on filters laid out once.

    Torch leaves many convolutions to oneDNN and lays out their filters for every batch. None for
    those that it computes otherwise.
    """
    shapes = [graph.shapes[n] for n in (*operation.inputs, operation.node)]
    if (
        not isinstance(operation, ops.Convolution)
        or graph.device.type != "cpu"
        or not operation.is_even
        or any(len(shape) != 3 or 1 in shape for shape in shapes)
        or not all(
            bool(numbers.isfinite().all())
            for numbers in (operation.weight, operation.bias)
            if numbers is not None
        )
    ):
        return None
    example = torch.empty((slots, *shapes[0]), dtype=graph.dtype)
    example = example.to(memory_format=torch.channels_last)
    weight, bias, groups = operation.weight, operation.bias, operation.groups
    window = operation.window
    padding, stride, dilation = window.padding, window.stride, window.dilation
    backend = torch._C._select_conv_backend(
        example, weight, bias, stride, padding, dilation, False, (0, 0), groups
    )
    if backend != torch._C._ConvBackend.Mkldnn:  # type: ignore[attr-defined]
        return None
    settings = padding, stride, dilation, groups
    lay_out: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
    laid_out = lay_out(weight.to_mkldnn(), *settings, list(example.shape))
    (below,) = operation.inputs
    nonlinearity = "relu" if rectified else "none"

    def step(values: dict[Node, Any]) -> Tensor:
        maps: Tensor = values[below]
        output: Tensor
        if maps.shape == example.shape and maps.stride() == example.stride():
            output = torch.ops.mkldnn._convolution_pointwise(
                maps, laid_out, bias, *settings, nonlinearity, [], ""
            )
            return output
        output = graph.evaluate(operation.node, {below: maps})
        return output.relu_() if rectified else output

    return step
