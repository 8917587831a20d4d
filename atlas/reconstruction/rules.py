"""The rules of backward projection: each replaces some of the adjoints by steps of its own.

A rule is one row here and one in ``atlas.data.rules``, which holds its name and source for
everything that doesn't load torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from atlas.errors import UsageError
from atlas.networks import operations as ops
from atlas.networks.operations import Operation
from atlas.reconstruction import relevance
from atlas.reconstruction.adjoints import ADJOINTS, Parts, Step, gradient
from atlas.reconstruction.projection import Projection
from atlas.reconstruction.smoothing import SAMPLES
from atlas.reconstruction.windows import Window

# kinds of operations whose adjoints depend on the stimulus through their inputs
_AT_THE_STIMULUS = frozenset(
    {ops.Nonlinearity, ops.Product, ops.Quotient, ops.GroupNorm, ops.Mixing, ops.Derived}
)


@dataclass(frozen=True)
class Behaviour:
    """What a rule does: ``steps`` takes the place of ``ADJOINTS`` for the kinds that it holds.

    ``forgets`` are the kinds whose steps, unlike their adjoints, don't need the inputs of the
    forward pass, which are then not recorded; ``records`` those whose steps, unlike their adjoints,
    do. ``samples`` counts the stimuli, each changed from the recorded one, over whose projections a
    rule takes the mean, which it then multiplies by the stimulus; 0 for a rule that goes down once.
    """

    steps: Mapping[type[Operation], Step] = field(default_factory=dict)
    forgets: frozenset[type[Operation]] = frozenset()
    records: frozenset[type[Operation]] = frozenset()
    samples: int = 0

    def step(self, projection: Projection, operation: Operation, signal: Window) -> Parts:
        """The signals below an operation of signals above it, as ``adjoints`` says."""
        kind = type(operation)
        return (self.steps.get(kind) or ADJOINTS[kind])(projection, operation, signal)

    def needs_inputs(self, kind: type[Operation]) -> bool:
        """Whether the step of a kind of operation depends on the operation's inputs."""
        return kind in self.records or kind in _AT_THE_STIMULUS - self.forgets


def _rectified(projection: Projection, operation: Operation, signal: Window) -> Parts:
    return [(operation.inputs[0], replace(signal, values=signal.values.relu()))]


def _gradient_rectified(projection: Projection, operation: Operation, signal: Window) -> Parts:
    return _rectified(projection, operation, gradient(projection, operation, signal))


BEHAVIOURS: dict[str, Behaviour] = {
    "deconvnet": Behaviour({ops.Nonlinearity: _rectified}, frozenset({ops.Nonlinearity})),
    "guided": Behaviour({ops.Nonlinearity: _gradient_rectified}),
    "gradient": Behaviour(),
    "lrp": Behaviour(
        relevance.STEPS,
        forgets=frozenset({ops.Nonlinearity, ops.GroupNorm, ops.Product, ops.Quotient}),
        records=frozenset(
            {
                ops.Convolution,
                ops.Linear,
                ops.Sum,
                ops.AveragePooling,
                ops.AdaptiveAveragePooling,
                ops.Resampling,
            }
        ),
    ),
    "smooth": Behaviour(forgets=_AT_THE_STIMULUS, samples=SAMPLES),
}


def behaviour(rule: str) -> Behaviour:
    """The behaviour of a rule. Raises ``UsageError`` for a name that no rule has."""
    if rule not in BEHAVIOURS:
        raise UsageError(f"unknown rule {rule!r}: choose one of {', '.join(BEHAVIOURS)}")
    return BEHAVIOURS[rule]
