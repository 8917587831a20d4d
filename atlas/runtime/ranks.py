"""Several processes, on one machine or many, that build one atlas together under ``torchrun``.

Each process is a rank and computes on its own share of the images; all ranks take their steps
together. Rank 0 gathers the results, and only rank 0 writes and publishes.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from atlas.errors import AtlasError, first_line

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """The number of this process among ``count`` processes."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """The values of all ranks in order, at rank 0; an empty list at the others."""
        if self.count == 1:
            return [value]
        from torch import distributed  # here and below, for it takes seconds to load

        values: list[T | None] | None = [None] * self.count if self.leads else None
        with _errors_reported():
            distributed.gather_object(value, values)
        return [one for one in values or [] if one is not None]

    def share(self, value: T) -> T:
        """The value of rank 0, at every rank."""
        if self.count == 1:
            return value
        from torch import distributed

        values = [value]
        with _errors_reported():
            distributed.broadcast_object_list(values)
        return values[0]


ALONE = Ranks()


@contextmanager
def of_torchrun() -> Iterator[Ranks]:
    """The ranks that ``torchrun`` started; ``ALONE`` without it.

    They exchange little, so they use gloo on every device. Once the block has ended, none of gloo's
    threads is left. One that still had to drop the tensors of the last exchange when Python was
    already ending would be stopped in a destructor, and abort the process: "terminate called
    without an active exception".
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    from torch import distributed

    # Imported while there are ranks, as by torchvision, its functions keep them as a default, and
    # destroying them ends no thread.
    importlib.import_module("torch.distributed.nn.functional")
    with _errors_reported():
        distributed.init_process_group("gloo")
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def local_device(device: str) -> str:
    """The device of this rank: for "cuda" its own of the machine's GPUs."""
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        import torch

        return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"
    return device


@contextmanager
def _errors_reported() -> Iterator[None]:
    """Report a lost connection as an ``AtlasError``."""
    try:
        yield
    except RuntimeError as error:
        raise AtlasError(
            "another process of this build stopped, and this one can't go on without it "
            f"({first_line(error)}); see the message of that process above. Run the same command "
            "again: it goes on where this build stopped"
        ) from error
