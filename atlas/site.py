"""The site on disk: the only place that writes pages, and that replaces what was there.

An atlas is built in a folder beside the one it replaces, checked, and then swapped in by
renaming; what fails on the way leaves the site as it was.
"""

from __future__ import annotations

import html
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from atlas import data, render
from atlas.errors import AtlasError, UsageError
from atlas.progress import Progress, silent

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)
_LINK = re.compile(r'(?:href|src)="([^"]*)"')


@contextmanager
def staging(out: Path, name: str) -> Iterator[Path]:
    """An empty folder to build the atlas ``name`` in, gone again if it wasn't published.

    Raises ``UsageError`` when the name can't be a folder's, or when what stands in its place is
    no atlas and so must not be replaced.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name}: use letters, digits, '.', '_' and '-'")
    for path in (out, out / name):
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is a file; a folder is wanted there")
    old = out / name
    if old.exists() and any(old.iterdir()) and not (old / "atlas.json").is_file():
        raise UsageError(f"{old} is no atlas and won't be replaced; choose another --name or --out")
    folder = out / f".building-{name}"
    try:
        if folder.exists():  # left by a build that was killed
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise AtlasError(f"{out} can't be written to: {error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_pages(folder: Path, progress: Progress = silent) -> int:
    """Render all pages of the atlas whose data lie in ``folder``; returns how many."""
    atlas = data.read_atlas(folder)
    templates = render.environment()
    total = 1 + len(atlas.layers) + sum(summary["shown"] for summary in atlas.summary)
    count = 0
    for file, text in progress(
        render.atlas_pages(atlas, folder, templates), total, "writing pages"
    ):
        (folder / file).write_text(text, "utf-8")
        count += 1
    return count


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
