"""What each rule does with a signal at a nonlinearity, in a backward projection.

Rules differ in nothing else. A rule is one row here and one in ``atlas.data.rules``, which holds
its name and source for everything that doesn't load torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from atlas.errors import UsageError

Gradient = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Behaviour:
    """What a rule does at a nonlinearity.

    ``pass_down`` takes the signal above a nonlinearity, and a function that multiplies a signal by
    the nonlinearity's derivative at the stimulus; it returns the signal below, of the same shape.
    ``needs_inputs`` says whether it uses that function, for which the nonlinearity's inputs are
    recorded.
    """

    pass_down: Callable[[Tensor, Gradient], Tensor]
    needs_inputs: bool


def _rectified(signal: Tensor, gradient: Gradient) -> Tensor:
    return signal.relu()


def _differentiated(signal: Tensor, gradient: Gradient) -> Tensor:
    return gradient(signal)


def _differentiated_and_rectified(signal: Tensor, gradient: Gradient) -> Tensor:
    return gradient(signal).relu()


BEHAVIOURS: dict[str, Behaviour] = {
    "deconvnet": Behaviour(_rectified, needs_inputs=False),
    "guided": Behaviour(_differentiated_and_rectified, needs_inputs=True),
    "gradient": Behaviour(_differentiated, needs_inputs=True),
}


def behaviour(rule: str) -> Behaviour:
    """The behaviour of a rule. Raises ``UsageError`` for a name that no rule has."""
    if rule not in BEHAVIOURS:
        raise UsageError(f"unknown rule {rule!r}: choose one of {', '.join(BEHAVIOURS)}")
    return BEHAVIOURS[rule]
