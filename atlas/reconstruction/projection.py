"""What a backward projection works with: a recording of the forward pass, and its stimuli."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from atlas.networks.graph import Graph
from atlas.networks.operations import Node, Operation


@dataclass(frozen=True)
class Recording:
    """What backward projections by some rules need of the forward pass of N stimuli.

    ``switches`` holds, for each max pooling, the place of every window's maximum in the pooling's
    input, counted in row-major order: ``[N, C, h, w]``. ``inputs`` holds the inputs of the
    operations whose backward step depends on them; of a ReLU, whether they are above 0; of the
    image, under its own name, the stimuli, where a rule asks for them.
    ``activations`` holds the values of the requested nodes, ``[N, ...]``. ``factors`` are those of
    the batch norms that signals have passed: the same for every signal. A graph with other weights,
    such as the control twin's, has operations of its own, so its factors stand beside them.
    ``ran`` is the graph that the stimuli ran through, where signals go down another one, as that of
    the control twin.
    """

    graph: Graph
    rules: frozenset[str]
    switches: dict[Node, Tensor]
    inputs: dict[Node, dict[Node, Tensor]]
    activations: dict[Node, Tensor]
    factors: dict[Operation, Tensor] = field(default_factory=dict)
    ran: Graph | None = None


@dataclass(frozen=True)
class Projection:
    """A backward projection of B signals.

    ``stimulus`` ``[B]`` is the recorded stimulus of each signal.
    """

    recording: Recording
    stimulus: Tensor

    @property
    def graph(self) -> Graph:
        """The graph that the signals pass down."""
        return self.recording.graph

    def shape_below(self, operation: Operation, signals: Tensor) -> tuple[int, ...]:
        """The shape ``[B, ...]`` of whole signals below an operation of one input."""
        return len(signals), *self.graph.shapes[operation.inputs[0]]
