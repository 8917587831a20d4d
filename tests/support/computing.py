"""An atlas's data computed from a network and images in memory, without a site."""

from __future__ import annotations

from pathlib import Path

from atlas.compute.engine import compute
from atlas.compute.facts import describe
from atlas.compute.ledger import read_ledger
from atlas.compute.run import IdentifiedImages, Run
from atlas.compute.stages import STAGES
from atlas.data.records import AtlasData
from atlas.data.settings import Settings
from atlas.images.masks import Masks
from atlas.networks.network import Network


def computed(
    network: Network,
    images: IdentifiedImages,
    folder: Path,
    settings: Settings,
    masks: Masks | None = None,
) -> AtlasData:
    """Compute an atlas's data into ``folder / "atlas"``, and return its facts."""
    parts = folder / "atlas", folder / "scratch"
    for part in parts:
        part.mkdir(parents=True, exist_ok=True)
    run = Run.begin(network, images, settings, folder=parts[0], scratch=parts[1], masks=masks)
    compute(run, STAGES)
    return describe(parts[0], settings, read_ledger(*parts), slots=run.slots, date=None)
