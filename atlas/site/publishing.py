"""Publish an atlas: put it in its place on the site, and renew the files that all atlases share.

While the atlas NAME is being published, the site has a folder ``.publishing-NAME``:

    shared/     the shared files that change, until each is moved to its place
    atlas/      the new atlas, until it is in its place; then the atlas that it replaced

``publish`` takes these steps, and ``recover`` the ones that a killed process did not take:

1. Write ``shared/``.
2. Mark the new atlas with the file ``.publishing``, and move it to ``atlas/``. A process killed
   up to here leaves the site as it was: ``recover`` removes ``.publishing-NAME``, and the new atlas
   lies where it was built. Once it is moved, the publication counts: ``recover`` takes the steps
   that are left, in the same function.
3. Move the shared files that are new to their places, but for ``index.html``: no page of the old
   site leads to them, and the new atlas does. So who reads meanwhile meets no dead link.
4. Swap ``atlas/`` and ``NAME`` in one system call. The mark tells which one is new. Where the
   system can't swap, rename ``NAME`` to ``.replaced-NAME``, then ``atlas/`` to ``NAME``; only a
   process killed in between leaves the site without the atlas, until ``recover`` runs.
5. Move the other shared files to their places.
6. Remove ``.replaced-NAME``, the mark, and ``.publishing-NAME`` with the replaced atlas.

Every step is one system call, or leaves the same folders when it is taken twice. A power failure
is another matter: nothing here waits for the disk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from atlas.data.whole_files import unfinished
from atlas.errors import AtlasError
from atlas.site import files

_WORK, _REPLACED = ".publishing-", ".replaced-"
_ENTRY = Path("index.html")  # from which a new site is read
_MARK = ".publishing"  # in an atlas: it is the new one, and not all of it is published


def publish(folder: Path, *, out: Path, name: str, shared: Mapping[str, str | bytes]) -> None:
    """Move the atlas in ``folder`` to ``out/name``, and renew the ``shared`` files, by address.

    ``folder`` must be on the file system of ``out``. Waits while another process publishes there.
    Raises ``OSError`` when the atlas can't be put in its place; the site is then as it was, and
    the new atlas in ``folder``.
    """
    with files.alone(out):
        _recover(out)
        files.remove_unfinished(folder)
        work, place = out / f"{_WORK}{name}", out / name
        work.mkdir()
        try:
            _write_changed(out, shared, work / "shared")
            (place / _MARK).unlink(missing_ok=True)  # of a publication that somebody deleted
            (folder / _MARK).write_bytes(b"")
            folder.rename(work / "atlas")
            _finish(work, out)
        except BaseException:
            if (work / "atlas" / _MARK).is_file():
                (work / "atlas").rename(folder)
            if not (place / _MARK).is_file():
                shutil.rmtree(work, ignore_errors=True)
            raise


def _write_changed(out: Path, shared: Mapping[str, str | bytes], to: Path) -> None:
    """Write the shared files that ``out`` doesn't have yet to the folder ``to``."""
    to.mkdir()
    for address, text in shared.items():
        unfinished(out / address).unlink(missing_ok=True)
        if not files.has_content(out / address, text):
            path = to / address
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)


def recover(out: Path) -> None:
    """Finish or undo every publication that a killed process left in the site ``out``.

    Call it before anything reads the site's addresses. Afterwards each atlas is wholly the old
    one or wholly the new one, and the shared files go with it. Touches nothing else, and waits
    while another process publishes. Raises ``AtlasError`` when a publication can't be finished.
    """
    if not out.is_dir():
        return
    try:
        with files.alone(out):
            _recover(out)
    except OSError as error:
        raise AtlasError(f"{out}: an interrupted publication can't be finished: {error}") from error


def write_shared(out: Path, shared: Mapping[str, str | bytes]) -> None:
    """Renew the files that all atlases share, by address, with no atlas to publish."""
    for address, text in shared.items():
        files.renew(out / address, text)


def _recover(out: Path) -> None:
    for work in sorted(out.glob(f"{_WORK}?*")):
        if work.is_dir() and {path.name for path in work.iterdir()} <= {"atlas", "shared"}:
            _finish(work, out)
    # of a swap in two renames whose publication is over, or that an older version was killed in
    for old in sorted(out.glob(f"{_REPLACED}?*")):
        place = out / old.name.removeprefix(_REPLACED)
        if _is_atlas(place):
            shutil.rmtree(old, ignore_errors=True)
        elif _is_atlas(old) and not os.path.lexists(place):
            old.rename(place)


def _is_atlas(folder: Path) -> bool:
    return (folder / "atlas.json").is_file()


def _finish(work: Path, out: Path) -> None:
    """Take the steps of a publication from the third on, as far as they are not taken yet."""
    name = work.name.removeprefix(_WORK)
    new, place, old = work / "atlas", out / name, out / f"{_REPLACED}{name}"
    if (new / _MARK).is_file():
        _move_shared(work / "shared", out, only_new=True)
        _swap(new, place, old)
    if (place / _MARK).is_file():
        _move_shared(work / "shared", out, only_new=False)
        shutil.rmtree(old, ignore_errors=True)
        (place / _MARK).unlink()
    shutil.rmtree(work, ignore_errors=True)


def _move_shared(shared: Path, out: Path, *, only_new: bool) -> None:
    for path in sorted(shared.rglob("*")):
        address = path.relative_to(shared)
        target = out / address
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif not only_new or not (target.exists() or address == _ENTRY):
            path.replace(target)


def _swap(new: Path, place: Path, old: Path) -> None:
    """Put the folder ``new`` in its place; what was there goes to ``new``, or else to ``old``."""
    if not os.path.lexists(place):
        new.rename(place)
    elif not files.exchange(new, place):
        place.rename(old)
        try:
            new.rename(place)
        except BaseException:
            old.rename(place)
            raise
