"""Whether a page can run a network, and what it would have to load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas.data.live import Program
from atlas.live.packing import half_error, packed_size
from atlas.live.program import NotLive, program_of
from atlas.networks.layers import Layer
from atlas.networks.network import Network

MOST_MACS = 6_000_000_000  # of a forward pass: two seconds in a browser without compiled kernels
MOST_BYTES = 16_000_000  # of the numbers, before they become text
LOST = 2e-3  # what half precision may cost, as a share of a filter's largest number


@dataclass(frozen=True)
class Runnable:
    """A network that a page can run: its steps and tensors, as ``program_of`` gives them.

    ``half`` says whether filters may be in half precision. ``macs`` are the multiplications of a
    forward pass.
    """

    program: Program
    tensors: Sequence[np.ndarray]
    half: bool
    macs: int

    @property
    def size(self) -> int:
        """The bytes of its numbers, before they become text."""
        return packed_size(self.program.sizes, half=self.half)


def runnable(network: Network, layers: Sequence[Layer], *, live: str) -> Runnable:
    """A network and some layers as a page can run them; ``live`` is the setting of this name.

    Raises ``NotLive``, with the reason, where no page can or should.
    """
    if live == "off":
        raise NotLive("--live off")
    program, tensors = program_of(network, layers)
    macs = _macs(program)
    if live == "auto":
        _check_size(packed_size(program.sizes, half=True))  # before looking at every number
        _check_macs(macs)
    found = Runnable(program, tensors, half_error(tensors) <= LOST, macs)
    if live == "auto":
        _check_size(found.size)
    return found


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise NotLive(
            f"its weights take {size / 1e6:,.0f} MB, more than the "
            f"{MOST_BYTES / 1e6:,.0f} that a page should load (--live on makes it anyway)"
        )


def _check_macs(macs: int) -> None:
    if macs > MOST_MACS:
        raise NotLive(
            f"a forward pass takes {macs / 1e9:,.1f} thousand million multiplications, more "
            f"than the {MOST_MACS / 1e9:,.0f} that a page can do (--live on makes it anyway)"
        )


def _macs(program: Program) -> int:
    return sum(
        step.shape[1] * step.shape[2] * math.prod(program.sizes[step.weight])
        for step in program.steps
        if step.weight is not None
    )
