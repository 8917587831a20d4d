"""The place where an atlas is built: beside the one it replaces, until it is published."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from atlas.errors import AtlasError, UsageError
from atlas.runtime.checkpoint import Checkpoint, UnusableCheckpoint
from atlas.runtime.full_disk import is_full

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)
RESERVED = ("notes", "compare")


@dataclass(frozen=True)
class Staging:
    """Where an atlas is built: ``folder`` becomes the atlas, ``scratch`` is gone afterwards."""

    folder: Path
    scratch: Path


def check_place(out: Path, name: str) -> None:
    """Raise ``UsageError`` when an atlas of this name can't be put there.

    The name may not be fit for a folder, or what stands in its place is no atlas and so must not
    be replaced.
    """
    if name in RESERVED:
        raise UsageError(f"--name {name}: that is where a site's {name} pages stand")
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name}: use letters, digits, '.', '_' and '-'")
    for path in (out, out / name):
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is a file; a folder is wanted there")
    old = out / name
    if old.exists() and any(old.iterdir()) and not (old / "atlas.json").is_file():
        raise UsageError(f"{old} is no atlas and won't be replaced; choose another --name or --out")


def building(out: Path, name: str) -> Path:
    """The folder that an atlas is built in."""
    return out / f".building-{name}"


@contextmanager
def staging(
    out: Path, name: str, *, fresh: bool = False, worth_keeping: Callable[[Path], bool]
) -> Iterator[Staging]:
    """A place to build the atlas ``name`` in, gone again once the block has ended.

    It holds what a build that was stopped left there, or else the files of the published atlas,
    linked; with ``fresh`` it is empty. It stays when the block fails and ``worth_keeping`` says of
    its scratch folder that the next build can go on from it. Raises ``UsageError`` as
    ``check_place`` does, ``AtlasError`` when the folder can't be written to or another build is at
    work in it, and what ``full_disk.is_full`` knows when there is no room.
    """
    check_place(out, name)
    base = building(out, name)
    place = Staging(base / "atlas", base / "scratch")
    try:
        base.mkdir(parents=True, exist_ok=True)
        lock = _lock(base / "lock.sqlite")
        if fresh:
            shutil.rmtree(place.folder, ignore_errors=True)
            shutil.rmtree(place.scratch, ignore_errors=True)
        place.scratch.mkdir(exist_ok=True)
        if not place.folder.is_dir():
            _begin(place.folder, None if fresh else out / name)
    except OSError as error:
        if is_full(error):
            raise
        raise AtlasError(f"{out} can't be written to: {error}") from error
    with closing(lock):
        try:
            yield place
        except BaseException:
            if not worth_keeping(place.scratch):
                shutil.rmtree(base, ignore_errors=True)
            raise
        shutil.rmtree(base, ignore_errors=True)


def _lock(path: Path) -> Checkpoint:
    """A file that this process holds until it ends. Raises ``AtlasError`` if another holds it."""
    try:
        return Checkpoint(path)
    except UnusableCheckpoint:  # damaged, and held by nobody, or that would have been told
        os.truncate(path, 0)
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        return Checkpoint(path)


def _begin(folder: Path, published: Path | None) -> None:
    """Make the folder of an atlas: with the files of the published one, or empty."""
    beside = folder.with_name("linking")
    shutil.rmtree(beside, ignore_errors=True)
    if published and (published / "atlas.json").is_file():
        shutil.copytree(published, beside, copy_function=_linked)
    else:
        beside.mkdir()
    beside.rename(folder)  # last, for where it stands it is complete


def _linked(source: str, target: str) -> None:
    """The same file in another place; a copy, where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
