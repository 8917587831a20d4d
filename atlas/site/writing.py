"""Write the pages of an atlas: only what changed, and nothing where nothing that decides did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path

from msgspec import Struct

from atlas.data.documents import Document
from atlas.errors import AtlasError
from atlas.runtime.progress import Progress, silent
from atlas.site import page_digests
from atlas.site.files import renew
from atlas.site.info import NO_INFO, SiteInfo
from atlas.site.pages import PAGES, Page, own_pages
from atlas.site.render.base import Renderer
from atlas.site.render.view import AtlasView
from atlas.site.sharing import Counts, Turns, processes, shared

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
    written: Counter[str] = Counter()
    for _ in progress(_writing(view, pages, written), _count(view), "writing pages"):
        pass
    for file, times in written.items():
        if times > 1:
            raise AtlasError(f"two kinds of pages write {file}")
    files = tuple(sorted(written))
    _remove_others(folder, files, before=before.files if before else ())
    WRITTEN.write(folder, _state(folder, files, info=info, pages=pages))
    return len(files)


def are_current(folder: Path, *, info: SiteInfo, pages: Sequence[Page] = PAGES) -> bool:
    """Whether an atlas's folder holds the pages that ``write_pages`` would leave there."""
    written = _written(folder)
    return written is not None and written == _state(folder, written.files, info=info, pages=pages)


def _writing(view: AtlasView, pages: Sequence[Page], written: Counter[str]) -> Iterator[None]:
    """Write all files, those of many units in several processes; counts how often each is written.

    Yields once for each.
    """
    for page in pages:
        if not page.shared:
            yield from _write(view, page, written)
    many = [page for page in pages if page.shared]
    count = processes(sum(summary.shown for summary in view.atlas.summary))
    done = Counts(count)

    def part(turns: Turns) -> Counter[str]:
        """What another process does."""
        found: Counter[str] = Counter()
        own = view.taking(turns)
        for page in many:
            for _ in _write(own, page, found):
                done.add(turns.own)
        return found

    with shared(count, part) as (turns, found):
        told, own = 0, view.taking(turns)
        for page in many:
            for _ in _write(own, page, written):
                others = done.others()
                yield from repeat(None, 1 + others - told)
                told = others
        for one in found:
            written.update(one)
        yield from repeat(None, done.others() - told)


def _write(view: AtlasView, page: Page, written: Counter[str]) -> Iterator[None]:
    """Write the files of a kind of page."""
    for file, content in page.files(view):
        renew(view.folder / file, content)
        written[file] += 1
        yield


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
