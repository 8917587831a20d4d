"""The run as a stage sees it: what the stage doesn't declare, it can't read.

So a stage's key holds everything that decides its result.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from atlas.compute.run import Run
from atlas.compute.stage import Stage
from atlas.data.settings import Settings
from atlas.runtime.checkpoint import Checkpoint

INPUTS = ("network", "images", "masks", "slots", "checkpoints")


def restricted(
    run: Run, stage: Stage, *, needed: frozenset[str], scratch: Path, checkpoint: Checkpoint
) -> Run:
    """The run of a stage, with its own scratch folder and checkpoint.

    ``needed`` names what it may read of the stages before it. Reading anything else that could
    decide a result raises ``LookupError``.
    """
    hidden: dict[str, Any] = {
        name: Undeclared(stage.name, name) for name in INPUTS if name not in stage.inputs
    }
    chosen: Any = ChosenSettings(run.settings, stage)
    return replace(
        run, settings=chosen, scratch=scratch, checkpoint=checkpoint, readable=needed, **hidden
    )


class ChosenSettings:
    """The settings that a stage declares, and those that decide no result."""

    def __init__(self, settings: Settings, stage: Stage) -> None:
        open_ = {one.name for one in fields(settings) if not one.metadata["decides"]}
        self._settings, self._stage = settings, stage
        self._names = open_ | set(stage.settings)

    def keeps(self, extra: str) -> bool:
        """Whether an extra is kept that the stage declares."""
        if extra not in self._stage.extras:
            raise LookupError(f"stage {self._stage.name} reads the extra {extra} undeclared")
        return self._settings.keeps(extra)

    def __getattr__(self, name: str) -> Any:
        derived = getattr(type(self._settings), name, None)
        if isinstance(derived, property) and derived.fget:
            return derived.fget(self)  # which reads settings in its turn
        if name not in self._names:
            raise LookupError(f"stage {self._stage.name} reads the setting {name} undeclared")
        return getattr(self._settings, name)


class Undeclared:
    """What stands in the place of an input that a stage doesn't declare."""

    def __init__(self, stage: str, name: str) -> None:
        self._stage, self._name = stage, name

    def _refuse(self, *_: object) -> Any:
        raise LookupError(f"stage {self._stage} reads {self._name} undeclared")

    __getattr__ = __getitem__ = __len__ = __bool__ = __index__ = __iter__ = _refuse
