"""The forward pass of a scan: the network's own numbers to the last bit, with their peaks.

Between one convolution and the next lie a batch norm, a sum and a rectification, and then a scan
looks for peaks. Each reads whole maps from memory, and most write them anew, which all together
takes a tenth of the time. Here what follows a convolution is done to its maps in one go, in place,
and the peaks are found on the way. Filters are laid out for the processor once, and not again for
every batch.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.networks.graph import Graph, Node, Operation, Step, pads_with_zeros, pair
from atlas.runtime.compiled import by_position, compiled, in_threads, serve

Peaks = tuple[Tensor, Tensor]  # maxima, and where they are: [N, units] each
Scale = tuple[np.ndarray, np.ndarray]  # what a batch norm multiplies by, and what it adds: [units]

WORTH_A_THREAD = 1 << 21  # numbers


@dataclass(frozen=True)
class Chain:
    """What is done, in this order, to maps that nothing else needs.

    The batch norm ``norm`` is applied, the value of ``term`` added, and they are rectified.
    """

    norm: Node | None = None
    term: Node | None = None
    rectifies: bool = False


@dataclass(frozen=True)
class Forward:
    """A graph made ready to be run on batches of a fixed size, for the values of some ``nodes``.

    ``steps`` says how nodes are computed that are not computed as the graph would. ``chains`` says
    what is done at a node; some of it may have been put off at nodes before it. ``scales`` is what
    batch norms come to.
    """

    graph: Graph
    nodes: frozenset[Node]
    steps: Mapping[Node, Step]
    chains: Mapping[Node, Chain]
    scales: Mapping[Node, Scale]

    def run(self, inputs: Tensor) -> Iterator[tuple[Node, Tensor, Peaks | None]]:
        """Each of the nodes with its value in turn, and with its peaks if they were found.

        A value may be overwritten when the next is asked for.
        """
        found: dict[Node, Peaks] = {}
        ends = {node: functools.partial(self._finished, node, found) for node in self.chains}
        waiting = len(self.nodes)
        with torch.inference_mode():
            for node, values in self.graph.run(inputs, instead={**self.steps, **ends}):
                if node in self.nodes:
                    yield node, values[node], found.pop(node, None)
                    waiting -= 1
                    if not waiting:
                        return

    def _finished(self, node: Node, found: dict[Node, Peaks], values: dict[Node, Any]) -> Tensor:
        """The maps of a node, worked on in place; their peaks go into ``found``."""
        chain, operation = self.chains[node], self.graph.operations[node]
        maps, term = _held(operation, chain, values)
        parts = [part for part in (maps, term) if part is not None]
        if not all(serve(p.device, p.dtype) and by_position(p).is_contiguous() for p in parts):
            return self._one_by_one(chain, maps, term)
        peaks = None
        if node in self.nodes:
            value = maps.new_empty(maps.shape[:2])
            peaks = value, torch.empty_like(value, dtype=torch.int32)
        scale = None if chain.norm is None else self.scales[chain.norm]
        finish(maps, scale, term, chain.rectifies, peaks)
        if peaks:
            found[node] = peaks[0], peaks[1].long()
        return maps

    def _one_by_one(self, chain: Chain, maps: Tensor, term: Tensor | None) -> Tensor:
        if chain.norm is not None:
            (below,) = self.graph.operations[chain.norm].inputs
            maps = self.graph.evaluate(chain.norm, {below: maps})
        if term is not None:
            maps = maps.add_(term)
        return maps.relu_() if chain.rectifies else maps


def prepared(graph: Graph, nodes: Iterable[Node], slots: int) -> Forward:
    """A graph made ready to be run for the values of ``nodes``, on ``slots`` images at once."""
    wanted = frozenset(nodes)
    scales = _scales(graph) if serve(graph.device, graph.dtype) else {}
    chains, put_off = _chains(graph, wanted, scales)
    steps: dict[Node, Step] = {
        node: functools.partial(_held, graph.operations[node], chains[node]) for node in put_off
    }
    ends = {n: chain for n, chain in chains.items() if n not in put_off and chain != Chain()}
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
    return Forward(graph, wanted, steps, ends, scales)


def peaks(maps: Tensor) -> Peaks:
    """Each feature map's maximum and the first place it stands at: ``[N, U, H, W]`` to ``[N, U]``.

    The place counts positions in row-major order.
    """
    if maps.device.type != "cpu":
        value, place = maps.flatten(2).max(2)
        return value, place
    # the same several times as fast: units side by side in memory are compared at once
    value, place = F.adaptive_max_pool2d(maps, 1, return_indices=True)
    return value.flatten(1), place.flatten(1)


def finish(
    maps: Tensor, scale: Scale | None, term: Tensor | None, rectifies: bool, peaks: Peaks | None
) -> None:
    """Scale maps ``[N, U, H, W]``, add a term and rectify, in place, and find their peaks.

    Maps and term have their units side by side in memory (channels-last). ``peaks`` take the maxima
    and, int32, where they are. Sums of a product round once.
    """
    whole = _rows(maps)
    more = None if term is None else _rows(term)
    floor = whole.dtype.type(0) if rectifies else None
    found = (None, None) if peaks is None else (peaks[0].numpy(), peaks[1].numpy())
    arguments = whole, *(scale or (None, None)), more, floor, *found
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
                    higher = (here[u] > best[u]) | (here[u] != here[u])  # what is no number stays
                    best[u] = here[u] if higher else best[u]
                    at[u] = p if higher else at[u]


def _rows(maps: Tensor) -> np.ndarray:
    """Maps as ``[N, H * W, U]``, in the same memory."""
    rows: np.ndarray = by_position(maps).flatten(1, 2).numpy()
    return rows


def _held(
    operation: Operation, chain: Chain, values: Mapping[Node, Any]
) -> tuple[Tensor, Tensor | None]:
    """The maps that a chain works on, and what it is to add, as far as they are known at a node."""
    (below,) = (node for node in operation.inputs if node is not chain.term)
    held = values[below]
    maps, term = held if isinstance(held, tuple) else (held, None)
    return maps, values[chain.term] if operation.kind == "sum" and chain.term else term


_FRESH = (nn.Conv2d, nn.BatchNorm2d)  # outputs are tensors of their own


def _chains(
    graph: Graph, wanted: frozenset[Node], scaled: Container[Node]
) -> tuple[dict[Node, Chain], set[Node]]:
    """What is done at nodes whose maps are in memory of their own, and where it is put off.

    Not where a dimension is 1: strides there are ambiguous, a copy gets others than what it was
    copied from, and the next operation may then choose a kernel that rounds differently.
    """
    chains: dict[Node, Chain] = {}
    put_off: set[Node] = set()
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
                put_off.add(own)
        elif isinstance(operation.module, _FRESH):
            chains[node] = Chain()
    return chains, put_off


def _part(graph: Graph, operation: Operation, own: Node, scaled: Container[Node]) -> Chain | None:
    """What an operation does to the maps of one of its inputs, if a chain can."""
    if operation.node in scaled:
        return Chain(norm=operation.node)
    if isinstance(operation.module, nn.ReLU):
        return Chain(rectifies=True)
    if operation.kind == "sum" and len({graph.shapes[n] for n in operation.inputs}) == 1:
        (term,) = (n for n in operation.inputs if n is not own)
        return Chain(term=term)
    return None


def _joined(one: Chain, then: Chain) -> Chain | None:
    """Both, if their order is that of a chain."""
    if one == Chain():
        return then
    if then.rectifies and not one.rectifies:
        return replace(one, rectifies=True)
    if then.term and not one.term and not one.rectifies:
        return replace(one, term=then.term)
    return None


def _scales(graph: Graph) -> dict[Node, Scale]:
    """What the graph's batch norms multiply by and add, where loops do it to the last bit alike."""
    found = {}
    for node, operation in graph.operations.items():
        if not isinstance(operation.module, nn.BatchNorm2d) or len(graph.shapes[node]) != 3:
            continue
        (below,) = operation.inputs
        units = graph.shapes[node][0]
        generator = torch.Generator().manual_seed(0)
        some = torch.randn((4, units, 4, 4), generator=generator, dtype=graph.dtype)
        some = some.contiguous(memory_format=torch.channels_last)
        some[0] = 0  # what is added is all that is left
        some[1] = 2.0**100  # beside which it vanishes
        with torch.inference_mode():
            there = graph.evaluate(node, {below: some})
            scale = there[1, :, 0, 0] * 2.0**-100, there[0, :, 0, 0].clone()
            numbers = scale[0].numpy(), scale[1].numpy()
            finish(some, numbers, None, False, None)
        if torch.equal(some, there):
            found[node] = numbers
    return found


_HARMLESS = (
    nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d,
    nn.Dropout, nn.Dropout2d, nn.Identity,
)  # fmt: skip


def _watched(graph: Graph, wanted: frozenset[Node]) -> set[Node]:
    """Nodes where nothing can be but finite numbers unless their or earlier peaks show it.

    For oneDNN rectifies what is no number to 0, where torch leaves it, so that it is seen.
    """
    watched: set[Node] = set()
    for node, operation in graph.operations.items():
        rectifies = isinstance(operation.module, nn.ReLU)
        harmless = isinstance(operation.module, _HARMLESS) or operation.kind == "concatenation"
        if (
            operation.kind == "input"
            or (rectifies and node in wanted)
            or (harmless and watched.issuperset(operation.inputs))
        ):
            watched.add(node)
    return watched


def _laid_out(graph: Graph, operation: Operation, slots: int, rectified: bool) -> Step | None:
    """A convolution, and a rectification after it, with its filters laid out beforehand.

    For those that torch leaves to oneDNN, whose own layout it would make for every batch.
    """
    module = operation.module
    shapes = [graph.shapes[n] for n in (*operation.inputs, operation.node)]
    if (
        not isinstance(module, nn.Conv2d)
        or graph.device.type != "cpu"
        or not pads_with_zeros(module)
        or any(len(shape) != 3 or 1 in shape for shape in shapes)
        or not all(bool(numbers.isfinite().all()) for numbers in module.parameters())
    ):
        return None
    given = torch.empty((slots, *shapes[0]), dtype=graph.dtype)
    given = given.to(memory_format=torch.channels_last)
    weight, bias = module.weight.detach(), module.bias
    padding, stride, dilation = (
        pair(value)  # type: ignore[arg-type]
        for value in (module.padding, module.stride, module.dilation)
    )
    backend = torch._C._select_conv_backend(
        given, weight, bias, stride, padding, dilation, False, (0, 0), module.groups
    )
    if backend != torch._C._ConvBackend.Mkldnn:  # type: ignore[attr-defined]
        return None
    settings = padding, stride, dilation, module.groups
    lay_out: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
    laid_out = lay_out(weight.to_mkldnn(), *settings, list(given.shape))
    (below,) = operation.inputs
    also = "relu" if rectified else "none"

    def step(values: dict[Node, Any]) -> Tensor:
        maps: Tensor = values[below]
        if maps.shape == given.shape and maps.stride() == given.stride():
            found: Tensor = torch.ops.mkldnn._convolution_pointwise(
                maps, laid_out, bias, *settings, also, [], ""
            )
            return found
        found = module(maps)
        return found.relu_() if rectified else found

    return step
