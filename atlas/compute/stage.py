"""A stage: a step of a build that says what it needs and what decides its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.data.documents import Document
from atlas.data.plan import Estimate, nothing

if TYPE_CHECKING:
    from atlas.compute.run import Run


@dataclass(frozen=True)
class Stage:
    """One step from network and images to an atlas's data.

    ``run`` computes it and writes what it owns: its ``documents``, and the ``files`` that match
    these patterns, relative to the atlas's folder. ``needs`` names the stages whose results it
    reads, ``inputs`` what else of the run (of ``"network"``, ``"images"``, ``"masks"``,
    ``"slots"``, ``"checkpoints"``, ``"hierarchy"``, and of what is found around the program,
    ``keys.surroundings``), ``settings`` the settings, ``extras`` those of ``atlas.data.extras``
    that it asks for. It can read nothing else, so these decide its result, together with the source
    of the module of ``run`` and of all modules that this one imports. ``estimate`` says how many
    bytes it will write, ``scratch`` how many more it takes on the disk until the build is done.
    ``any_batch`` says that its checkpoint serves batches of any size.
    """

    name: str
    run: Callable[[Run], None]
    documents: tuple[Document[Any], ...]
    needs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    estimate: Estimate = nothing
    scratch: Estimate = nothing
    any_batch: bool = False

    @property
    def owned(self) -> tuple[str, ...]:
        """Patterns of all files that are this stage's."""
        documents = {document.name for document in self.documents}
        of_documents = [f"{pre}{name}.json" for name in sorted(documents) for pre in ("", "*/")]
        return (*of_documents, *self.files)
