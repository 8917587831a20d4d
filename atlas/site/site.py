"""The site on disk: the only place that writes pages, and that replaces what was there.

An atlas is built in a folder beside the one it replaces, checked, and then swapped in by
renaming; what fails on the way leaves the site as it was. A build that was stopped leaves what it
had, and goes on from there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from atlas.data import records
from atlas.errors import AtlasError, UsageError
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.progress import Progress, silent
from atlas.site import files, links, render
from atlas.site.info import ALONE, NO_INFO, SiteContents, SiteInfo
from atlas.site.published_addresses import listed

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)
RESERVED = ("notes", "compare")


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
        return records.read_atlas(folder).made_from
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


def write_pages(folder: Path, about: SiteInfo = NO_INFO, progress: Progress = silent) -> int:
    """Render all pages of the atlas whose data lie in ``folder``; returns how many files.

    A file that says what it said before is left alone; a page that no longer exists is removed.
    """
    atlas = records.read_atlas(folder)
    shelf = render.AtlasView.of(atlas, folder, about, render.environment())
    total = 3 + len(atlas.layers) + 2 * sum(summary["shown"] for summary in atlas.summary)
    written = set()
    for file, content in progress(render.atlas_files(shelf), total, "writing pages"):
        path = folder / file
        written.add(path)
        files.renew(path, content)
    for pattern in ("*.html", "search/*.js", "*.oembed.json"):
        for path in set(folder.rglob(pattern)) - written:
            path.unlink()
    return len(written)


def describe(
    folder: Path, command: str, date: str | None, of_images: Mapping[str, str] | None = None
) -> records.AtlasData:
    """Say how an atlas was made, which decides nothing that was computed; returns its facts.

    ``of_images`` holds the images' "credit" and "licence".
    """
    atlas = records.read_atlas(folder)
    images = {**atlas.images, **(of_images or {})}
    atlas = replace(atlas, command=command, date=date, images=images)
    files.renew(folder / "atlas.json", records.dumps(asdict(atlas)))
    return atlas


@dataclass(frozen=True)
class Whole:
    """A site with an atlas that is yet to be published: its shared files, by address.

    ``unreadable`` has a line for each of its other atlases that can't be read, ``left_out`` one
    for each note and comparison whose atlases are not there.
    """

    files: links.Files
    unreadable: list[str]
    left_out: list[str]


def whole(
    out: Path, around: SiteContents = ALONE, name: str = "", folder: Path | None = None
) -> Whole:
    """The site in ``out`` as it will be with the atlas ``name`` whose files lie in a folder.

    Raises ``AtlasError`` for a note that names what isn't there, and ``UsageError`` for a
    comparison of different architectures.
    """
    about, templates = around.about, render.environment()
    folders = {name: folder} if folder is not None else {}
    there = {path.name: path for path in out.iterdir() if path.is_dir()} if out.is_dir() else {}
    shelves: dict[str, render.AtlasView] = {}
    unreadable = []
    for own, path in sorted({**there, **folders}.items()):
        if (path / "atlas.json").is_file() and not own.startswith("."):
            try:
                atlas = records.read_atlas(path)
                layers = {layer: records.read_layer(path, layer) for layer in atlas.layers}
                shelves[own] = render.AtlasView(atlas, layers, about, templates)
            except AtlasError as error:
                unreadable.append(str(error))
    texts, notes, comparisons, left_out = _around(around, shelves, templates)
    for folder_ in RESERVED:  # what was published there once and is no more says so
        for path in (out / folder_).rglob("*.html"):
            address = path.relative_to(out).as_posix()
            if address not in texts:
                texts[address] = render.gone_page(address, "index.html", about, templates)
    texts |= render.shared_files(list(shelves.values()), about, templates, notes, comparisons)
    if about.base:
        addresses = _addresses(out, shelves, folders, texts)
        texts["sitemap.xml"] = render.sitemap(addresses, about.base)
    prefixes = {f"{own}/": path for own, path in folders.items()}
    return Whole(links.Files(texts, prefixes, out), unreadable, left_out)


def _around(
    around: SiteContents, shelves: Mapping[str, render.AtlasView], templates: render.Templates
) -> tuple[dict[str, str], list[dict[str, str]], list[tuple[str, str]], list[str]]:
    """Pages of notes and comparisons by address, what is said of each, and what was left out."""
    texts: dict[str, str] = {}
    notes, comparisons, left_out = [], [], []
    written = render.read_notes(around.notes) if around.notes else []
    reasons = [_why_not(note, shelves) for note in written]
    shown = [note for note, reason in zip(written, reasons, strict=True) if not reason]
    left_out += [f"{n.path.name}: {why}" for n, why in zip(written, reasons, strict=True) if why]
    for note in shown:
        made, text = render.note_page(note, shown, shelves, around.about, templates)
        texts[note.address] = made
        notes.append({"title": note.title, "address": note.address, "text": text})
    for pair in around.comparisons:
        if missing := [one for one in pair if one not in shelves]:
            left_out.append(f"{' and '.join(pair)}: there is no atlas {missing[0]} on this site")
            continue
        one, other = (shelves[each] for each in pair)
        texts |= render.comparing.comparison_files(one, other)
        address = f"{render.comparing.folder(one, other)}/index.html"
        comparisons.append((render.comparing.title(one, other), address))
    return texts, notes, comparisons, left_out


def _why_not(note: render.Note, shelves: Mapping[str, render.AtlasView]) -> str:
    """Why a note can't be shown: its atlas isn't there, or is there only in part."""
    if not note.atlas:
        return ""
    if note.atlas not in shelves:
        return f"there is no atlas {note.atlas} on this site"
    if shelves[note.atlas].atlas.is_partial:
        return f"{note.atlas} shows only a part of its network"
    return ""


def _addresses(
    out: Path, shelves: Iterable[str], folders: Mapping[str, Path], texts: Iterable[str]
) -> Iterator[str]:
    """The pages of a site that a reader may come to from elsewhere."""
    yield from (address for address in texts if address.endswith(".html") and address != "404.html")
    for name in shelves:
        for page in listed(folders.get(name, out / name)):
            if "/embed/" not in page:
                yield f"{name}/{page}"
