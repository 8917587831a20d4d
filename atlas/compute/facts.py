"""The facts of an atlas, put together from what the stages wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atlas import __version__
from atlas.data.documents import COMPARISON, IMAGES, NETWORK, SUMMARY, encoded
from atlas.data.records import AtlasData
from atlas.data.settings import Settings
from atlas.data.whole_files import write_whole


def describe(
    folder: Path,
    settings: Settings,
    ledger: dict[str, Any],
    *,
    slots: int,
    date: str | None,
    origin: str | None = None,
) -> AtlasData:
    """Write ``atlas.json`` into an atlas's folder, all of whose stages are finished.

    ``ledger`` holds each stage's key; ``slots`` says how many images the network was run on at
    once; ``origin`` is a digest of all that decides the atlas.
    """
    summary = SUMMARY.read(folder).layers
    facts = AtlasData(
        name=settings.atlas_name,
        program=__version__,
        network=NETWORK.read(folder),
        images=IMAGES.read(folder),
        concepts=COMPARISON.read(folder).facts,
        layers=tuple(one.layer for one in summary),
        summary=summary,
        settings=settings.shareable(),
        command=settings.command(),
        date=date,
        slots=slots,
        stages=ledger,
        origin=origin,
    )
    content = encoded(facts)
    path = folder / "atlas.json"
    if not path.is_file() or path.read_bytes() != content:
        write_whole(path, content)
    return facts
