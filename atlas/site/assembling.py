"""A site with a new atlas, put together before it is published: what all its atlases share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from atlas.errors import AtlasError
from atlas.site.given_names import check_names
from atlas.site.info import ALONE, SiteContents
from atlas.site.links import Files
from atlas.site.pages import PAGES, Page, found_pages, own_pages
from atlas.site.published_addresses import listed
from atlas.site.render import comparisons, notes
from atlas.site.render.base import Anchor, Entry, Renderer
from atlas.site.render.gone import gone_page
from atlas.site.render.search import SYNONYMS
from atlas.site.render.shared import shared_files, sitemap
from atlas.site.render.view import AtlasView
from atlas.site.staging import RESERVED


@dataclass(frozen=True)
class Whole:
    """A site with an atlas that is not published yet: all its files, the shared ones as texts.

    ``unreadable`` has a line for each other atlas that can't be read, ``left_out`` one for each
    note and comparison whose atlases the site doesn't have. ``waiting`` is how many of people's
    names are for units that the site doesn't have.
    """

    files: Files
    unreadable: list[str]
    left_out: list[str]
    waiting: int = 0


@dataclass
class _Texts:
    """Pages by address, and what the first page and the search say of them."""

    pages: dict[str, str | bytes] = field(default_factory=dict)
    notes: list[Entry] = field(default_factory=list)
    comparisons: list[Anchor] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def whole(
    out: Path,
    *,
    contents: SiteContents = ALONE,
    name: str = "",
    folder: Path | None = None,
    pages: Sequence[Page] = PAGES,
) -> Whole:
    """The site in ``out`` as it will be with the atlas ``name`` whose files lie in ``folder``.

    ``contents`` says what stands around the atlases, ``pages`` which kinds of pages they have.
    Raises ``AtlasError`` for a note or a label that names what isn't there, and ``UsageError`` for
    a comparison of atlases that can't be compared.
    """
    renderer = Renderer(contents.info)
    new = {name: folder} if folder is not None else {}
    views, unreadable = _views(out, new, renderer, pages)
    waiting = check_names(contents.info.names, views, contents.atlases)
    texts = _Texts()
    if contents.notes:
        _add_notes(texts, contents.notes, views, renderer)
    _add_comparisons(texts, contents, views)
    _add_gone(texts, out, renderer)
    shared = shared_files(
        list(views.values()),
        renderer,
        notes=texts.notes,
        comparisons=texts.comparisons,
        found=[entry for view in views.values() for entry in found_pages(view, pages)],
        synonyms={**SYNONYMS, **contents.synonyms},
    )
    texts.pages.update(shared)
    if contents.info.base:
        addresses = _addresses(texts.pages, views.values())
        texts.pages["sitemap.xml"] = sitemap(addresses, contents.info.base)
    folders = {f"{own}/": path for own, path in new.items()}
    return Whole(Files(texts.pages, folders, out), unreadable, texts.left_out, waiting)


def _views(
    out: Path, new: Mapping[str, Path], renderer: Renderer, pages: Sequence[Page]
) -> tuple[dict[str, AtlasView], list[str]]:
    """The site's atlases by name, and a line for each that can't be read."""
    there = {path.name: path for path in out.iterdir() if path.is_dir()} if out.is_dir() else {}
    views: dict[str, AtlasView] = {}
    unreadable = []
    for name, path in sorted({**there, **new}.items()):
        if (path / "atlas.json").is_file() and not name.startswith("."):
            try:
                view = AtlasView.read(path, renderer)
                views[name] = replace(view, own_pages=own_pages(view, pages))
            except AtlasError as error:
                unreadable.append(str(error))
    return views, unreadable


def _add_notes(
    texts: _Texts, folder: Path, views: Mapping[str, AtlasView], renderer: Renderer
) -> None:
    written = notes.read_notes(folder)
    reasons = {note: _why_not(note, views) for note in written}
    texts.left_out += [f"{note.path.name}: {why}" for note, why in reasons.items() if why]
    shown = [note for note in written if not reasons[note]]
    for note in shown:
        page = notes.note_page(note, views, renderer, steps=notes.steps_of(note, shown))
        texts.pages[note.address] = page.html
        texts.notes.append(page.entry)


def _why_not(note: notes.Note, views: Mapping[str, AtlasView]) -> str:
    """Why a note can't be shown: its atlas isn't there, or shows only a part; "" if it can."""
    if not note.atlas:
        return ""
    if note.atlas not in views:
        return f"there is no atlas {note.atlas} on this site"
    if views[note.atlas].atlas.is_partial:
        return f"{note.atlas} shows only a part of its network"
    return ""


def _add_comparisons(texts: _Texts, contents: SiteContents, views: Mapping[str, AtlasView]) -> None:
    for pair in contents.comparisons:
        missing = [name for name in pair if name not in views]
        if missing:
            reason = f"there is no atlas {missing[0]} on this site"
            texts.left_out.append(f"{' and '.join(pair)}: {reason}")
            continue
        comparison = comparisons.Comparison(
            views[pair[0]], views[pair[1]], match=pair in contents.matched
        )
        texts.pages.update(comparisons.files(comparison))
        texts.comparisons.append(Anchor(comparison.title, comparison.address))


def _add_gone(texts: _Texts, out: Path, renderer: Renderer) -> None:
    """Pages at the addresses of notes and comparisons that the site has no more."""
    for folder in RESERVED:
        for path in (out / folder).rglob("*.html"):
            address = path.relative_to(out).as_posix()
            if address not in texts.pages:
                texts.pages[address] = gone_page(address, nearest="index.html", renderer=renderer)


def _addresses(pages: Iterable[str], views: Iterable[AtlasView]) -> Iterator[str]:
    """The pages of a site that a reader may come to from elsewhere."""
    yield from (address for address in pages if address.endswith(".html") and address != "404.html")
    for view in views:
        yield from (view.address(page) for page in listed(view.folder) if "/embed/" not in page)
