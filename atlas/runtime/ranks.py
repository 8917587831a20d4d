"""Several processes, on one machine or many, that build one atlas together: ``torchrun``.

They compute the same thing that one process does, on other images each, in steps that all take
together. What they find goes to the first of them, rank 0, which alone writes and publishes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed

from atlas.errors import AtlasError, first_line

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process among ``count`` of them."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """The values of all ranks in order, at rank 0; nothing at the others."""
        if self.count == 1:
            return [value]
        found: list[T | None] | None = [None] * self.count if self.leads else None
        with _partners():
            distributed.gather_object(value, found)
        return [one for one in found or [] if one is not None]

    def share(self, value: T) -> T:
        """The value of rank 0, everywhere."""
        if self.count == 1:
            return value
        held = [value]
        with _partners():
            distributed.broadcast_object_list(held)
        return held[0]


ALONE = Ranks()


@contextmanager
def of_torchrun() -> Iterator[Ranks]:
    """The ranks that ``torchrun`` started; ``ALONE`` where it didn't.

    They speak through gloo, whatever they compute on, for what they say to each other is small.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    with _partners():
        distributed.init_process_group("gloo")
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def local_device(device: str) -> str:
    """The device of this rank among those of its machine."""
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"
    return device


@contextmanager
def _partners() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise AtlasError(
            "another process of this build stopped, and this one can't go on without it "
            f"({first_line(error)}); what that one said stands above. The same command goes on "
            "where this one came to"
        ) from error
