"""The site on disk: the only place that writes pages, and that replaces what was there.

An atlas is built in a folder beside the one it replaces, checked, and then swapped in by
renaming; what fails on the way leaves the site as it was. A build that was stopped leaves what it
had, and goes on from there.
"""

from __future__ import annotations

import html
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from atlas import data, render
from atlas.checkpoint import Checkpoint
from atlas.errors import AtlasError, UsageError
from atlas.progress import Progress, silent

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)
_LINK = re.compile(r'(?:href|src)="([^"]*)"')


@dataclass(frozen=True)
class Stage:
    """Where an atlas is built: ``folder`` becomes the atlas, ``scratch`` is gone afterwards.

    ``computed`` says whether all data are in ``folder`` already.
    """

    folder: Path
    scratch: Path
    computed: bool = False


def check_place(out: Path, name: str) -> None:
    """Raise ``UsageError`` when an atlas of this name can't be put there.

    The name may not be fit for a folder, or what stands in its place is no atlas and so must not
    be replaced.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name}: use letters, digits, '.', '_' and '-'")
    for path in (out, out / name):
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is a file; a folder is wanted there")
    old = out / name
    if old.exists() and any(old.iterdir()) and not (old / "atlas.json").is_file():
        raise UsageError(f"{old} is no atlas and won't be replaced; choose another --name or --out")


@contextmanager
def staging(out: Path, name: str, made_from: str = "", fresh: bool = False) -> Iterator[Stage]:
    """A place to build the atlas ``name`` in, gone again once it was published.

    What a build with the same fingerprint left there when it was stopped is found there again,
    and so are the data of a published atlas with that fingerprint; with ``fresh``, or without a
    fingerprint, nothing is. Raises ``UsageError`` as ``check_place`` does, and ``AtlasError`` when
    the folder can't be written to or another build is at work in it.
    """
    check_place(out, name)
    base = out / f".building-{name}"
    stage = Stage(base / "atlas", base / "scratch")
    state, mark = stage.scratch / "state.sqlite", base / "made-from"
    try:
        if state.exists():
            Checkpoint(state).close()  # or another build is at work
        left = mark.read_text() if mark.is_file() and stage.folder.is_dir() else ""
        if fresh or not made_from or left != made_from:
            shutil.rmtree(base, ignore_errors=True)
            stage.scratch.mkdir(parents=True)
            if made_from and not fresh and _made_from(out / name) == made_from:
                shutil.copytree(out / name, stage.folder, copy_function=_linked)
            stage.folder.mkdir(exist_ok=True)
            mark.write_text(made_from)
    except OSError as error:
        raise AtlasError(f"{out} can't be written to: {error}") from error
    try:
        yield replace(stage, computed=_made_from(stage.folder) == made_from != "")
    except BaseException:
        if not made_from or not _has_begun(state):
            shutil.rmtree(base, ignore_errors=True)
        raise
    shutil.rmtree(base, ignore_errors=True)


def _made_from(folder: Path) -> str | None:
    try:
        return data.read_atlas(folder).made_from
    except AtlasError:
        return None


def _linked(source: str, target: str) -> None:
    """The same file in another place; a copy, where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _has_begun(state: Path) -> bool:
    if not state.exists():
        return False
    checkpoint = Checkpoint(state)
    begun = checkpoint["scanned"] is not None
    checkpoint.close()
    return begun


def write_pages(folder: Path, progress: Progress = silent) -> int:
    """Render all pages of the atlas whose data lie in ``folder``; returns how many.

    A page that says what it said before is left alone; one that no longer exists is removed.
    """
    atlas = data.read_atlas(folder)
    templates = render.environment()
    total = 1 + len(atlas.layers) + sum(summary["shown"] for summary in atlas.summary)
    written = set()
    for file, text in progress(
        render.atlas_pages(atlas, folder, templates), total, "writing pages"
    ):
        path = folder / file
        written.add(path)
        if not path.is_file() or path.read_bytes() != text.encode():
            _replace(path, text)
    for path in set(folder.rglob("*.html")) - written:
        path.unlink()
    return len(written)


def describe(folder: Path, command: str, date: str | None) -> data.AtlasData:
    """Say how an atlas was made, which decides nothing that was computed; returns its facts."""
    atlas = replace(data.read_atlas(folder), command=command, date=date)
    _replace(folder / "atlas.json", data.dumps(asdict(atlas)))
    return atlas


def check(folder: Path) -> None:
    """Raise ``AtlasError`` if a page links to a file of the atlas that isn't there."""
    there: dict[Path, bool] = {}
    for page in sorted(folder.rglob("*.html")):
        for link in set(_LINK.findall(page.read_text("utf-8"))):
            target = unquote(html.unescape(link)).partition("#")[0]
            if not target or ":" in target:
                continue
            path = Path(os.path.normpath(page.parent / target))
            if path.is_relative_to(folder) and not there.setdefault(path, path.is_file()):
                raise AtlasError(f"{page.relative_to(folder)} links to {target}, which isn't there")


def publish(folder: Path, out: Path, name: str) -> list[str]:
    """Put a built atlas in its place, and renew the home page and the style sheet.

    Returns what kept other atlases of the site off the home page, a line for each.
    """
    new, old = out / name, out / f".replaced-{name}"
    if old.exists():
        shutil.rmtree(old)
    if new.exists():
        new.rename(old)
    try:
        folder.rename(new)
    except OSError:
        if old.exists():
            old.rename(new)
        raise
    shutil.rmtree(old, ignore_errors=True)
    return write_home(out)


def write_home(out: Path) -> list[str]:
    """Write the home page for the atlases that stand in ``out``, and what all pages share.

    An atlas that can't be read is left out; returns a line for each.
    """
    found, unreadable = [], []
    for path in sorted(out.iterdir()):
        if (path / "atlas.json").is_file() and not path.name.startswith("."):
            try:
                atlas = data.read_atlas(path)
                found.append((atlas, [data.read_layer(path, n) for n in render.story(atlas)]))
            except AtlasError as error:
                unreadable.append(str(error))
    _replace(out / "style.css", (render.TEMPLATES / "style.css").read_text("utf-8"))
    _replace(out / "index.html", render.home_page(found, render.environment()))
    _replace(out / ".nojekyll", "")
    return unreadable


def size(folder: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, "utf-8")
    os.replace(beside, path)
