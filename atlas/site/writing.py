"""Write the pages of an atlas: only what changed, and nothing where nothing that decides did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from msgspec import Struct

from atlas.data.documents import Document
from atlas.errors import AtlasError
from atlas.runtime.progress import Progress, silent
from atlas.site import page_digests
from atlas.site.files import renew
from atlas.site.info import NO_INFO, SiteInfo
from atlas.site.pages import PAGES, Content, Page, own_pages
from atlas.site.render.base import Renderer
from atlas.site.render.view import AtlasView

# files that are pages' even if an earlier version of this program wrote them
PATTERNS = ("*.html", "search/*.js", "kit.js", "[0-9]*.json")


class Written(Struct, frozen=True):
    """The pages that an atlas's folder holds: what decided them, their addresses, a digest of all.

    It has no date and so is the same for the same pages.
    """

    decided_by: str
    content: str
    files: tuple[str, ...]


WRITTEN = Document(".pages", Written)


def write_pages(
    folder: Path,
    *,
    info: SiteInfo = NO_INFO,
    progress: Progress = silent,
    pages: Sequence[Page] = PAGES,
) -> int:
    """Write the pages of the atlas whose data lie in ``folder``; returns how many files there are.

    Renders nothing where nothing that decides pages changed since they were written, and they are
    there as they were. A file that has its content already is left alone; one that the atlas has no
    more is removed.
    """
    before = _written(folder)
    if before:
        _remove_others(folder, before.files)
        if before == _state(folder, before.files, info=info, pages=pages):
            return len(before.files)
    view = AtlasView.read(folder, Renderer(info))
    view = replace(view, own_pages=own_pages(view, pages))
    written: set[str] = set()
    for file, content in progress(_all_files(view, pages), _count(view), "writing pages"):
        if file in written:
            raise AtlasError(f"two kinds of pages write {file}")
        renew(folder / file, content)
        written.add(file)
    files = tuple(sorted(written))
    _remove_others(folder, files, before=before.files if before else ())
    WRITTEN.write(folder, _state(folder, files, info=info, pages=pages))
    return len(files)


def are_current(folder: Path, *, info: SiteInfo, pages: Sequence[Page] = PAGES) -> bool:
    """Whether an atlas's folder holds the pages that ``write_pages`` would leave there."""
    written = _written(folder)
    return written is not None and written == _state(folder, written.files, info=info, pages=pages)


def _all_files(view: AtlasView, pages: Sequence[Page]) -> Iterator[tuple[str, Content]]:
    for page in pages:
        yield from page.files(view)


def _count(view: AtlasView) -> int:
    """About how many files there will be: a few for each unit."""
    shown = sum(summary.shown for summary in view.atlas.summary)
    return len(view.layers) + shown * (1 + sum(map(view.atlas.keeps, ("cards", "unit-data"))))


def _written(folder: Path) -> Written | None:
    try:
        return WRITTEN.read(folder)
    except AtlasError:
        return None


def _state(folder: Path, files: Sequence[str], *, info: SiteInfo, pages: Sequence[Page]) -> Written:
    """What ``.pages.json`` says of a folder whose pages are as they should be."""
    content = page_digests.of_files(folder, files)
    decided_by = page_digests.of_inputs(folder, outputs=files, info=info, pages=pages)
    return Written(decided_by, content, tuple(files))


def _remove_others(folder: Path, files: Sequence[str], before: Sequence[str] = ()) -> None:
    """Remove pages that are not among ``files``, and what of ``before`` is not."""
    others = {folder / file for file in before}
    for pattern in PATTERNS:
        others.update(folder.rglob(pattern))
    for path in others - {folder / file for file in files}:
        path.unlink(missing_ok=True)
