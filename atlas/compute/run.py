"""A run: everything that the stages of a build work with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from atlas.compute.record_files import read_record
from atlas.data.documents import Document
from atlas.data.settings import Settings
from atlas.images.masks import Masks
from atlas.images.sources import Identified, Images
from atlas.images.stimuli import StimulusCache
from atlas.networks.batching import Running, slots_of
from atlas.networks.checkpoints import Checkpoints
from atlas.networks.network import Network
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.progress import Progress, silent
from atlas.runtime.ranks import ALONE, Ranks
from atlas.scanning.topk import TopNine

T = TypeVar("T")


class IdentifiedImages(Images, Identified, Protocol):
    """Images that can be told from others."""


@dataclass(frozen=True)
class Run:
    """A build of an atlas.

    ``slots`` is how many images the network is run on at once. ``checkpoints`` are the network's
    weights from the way of its training, if there are any. ``folder`` becomes the atlas, and
    only rank 0 writes there. ``scratch`` keeps what a stage left half done, and ``checkpoint`` how
    far it came; both are the stage's own while it runs. ``cache`` holds the stimuli that were
    decoded, for all stages.
    """

    network: Network
    images: IdentifiedImages
    settings: Settings
    slots: int
    folder: Path
    scratch: Path
    cache: StimulusCache
    masks: Masks | None = None
    checkpoints: Checkpoints | None = None
    ranks: Ranks = ALONE
    progress: Progress = silent
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    readable: frozenset[str] | None = None

    @staticmethod
    def begin(
        network: Network,
        images: IdentifiedImages,
        settings: Settings,
        *,
        folder: Path,
        scratch: Path,
        masks: Masks | None = None,
        checkpoints: Checkpoints | None = None,
        ranks: Ranks = ALONE,
        progress: Progress = silent,
    ) -> Run:
        """A run of the settings' build; rank 0's ``scratch`` counts for all."""
        channels, height, width = network.preprocessing.input_shape
        seen = f"{images.identity()} {network.preprocessing.as_dict()}"
        file = f"stimuli-{hashlib.sha256(seen.encode()).hexdigest()[:16]}.bin"
        scratch = ranks.share(scratch)
        return Run(
            network=network,
            images=images,
            settings=settings,
            slots=slots_of(network, settings.batch_size),
            folder=folder,
            scratch=scratch,
            cache=StimulusCache(scratch / file, (height, width, channels)),
            masks=masks,
            checkpoints=checkpoints,
            ranks=ranks,
            progress=progress,
        )

    @property
    def leads(self) -> bool:
        """Whether this process writes the atlas."""
        return self.ranks.leads

    @property
    def running(self) -> Running:
        """How a pass over the images runs."""
        return Running(self.slots, self.settings.workers, self.cache, self.ranks, self.progress)

    def read(self, document: Document[T], layer: str = "") -> T:
        """A document of a stage that this one needs; at rank 0 alone."""
        self._check(document.name)
        return document.read(self.folder, layer)

    def record(self, layer: str) -> TopNine:
        """What the scan recorded of a layer; at rank 0 alone."""
        self._check("record")
        return read_record(self.folder, layer)

    def file(self, name: str, layer: str = "") -> Path:
        """The array file ``NAME.npz`` of a stage that this one needs; at rank 0 alone."""
        self._check(name)
        return self.folder / layer / f"{name}.npz"

    def scratch_of(self, stage: str) -> Path:
        """The scratch folder of a stage before this one, for what would be computed otherwise."""
        return self.scratch.parent / stage

    def has(self, document: Document[Any], layer: str = "") -> bool:
        """Whether a stage that this one needs wrote a document; at rank 0 alone."""
        self._check(document.name)
        return document.path(self.folder, layer).is_file()

    def write(self, document: Document[T], body: T, layer: str = "") -> None:
        """Write a document of this stage's; at rank 0 alone."""
        if self.leads:
            document.write(self.folder, body, layer)

    def _check(self, name: str) -> None:
        if self.readable is not None and name not in self.readable:
            raise LookupError(f"a stage reads {name} and doesn't need the stage that writes it")
