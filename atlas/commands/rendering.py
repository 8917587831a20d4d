"""Render and publish: the pages of an atlas whose data are computed, or only what has changed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from atlas.data.settings import Settings
from atlas.runtime.progress import bar
from atlas.site import checked_links, files, links, published_addresses, publishing
from atlas.site.assembling import Whole, whole
from atlas.site.info import SiteContents
from atlas.site.pages import PAGES, Page
from atlas.site.staging import staging
from atlas.site.writing import are_current, write_pages


def publish(
    folder: Path, settings: Settings, contents: SiteContents, pages: Sequence[Page] = PAGES
) -> int:
    """Render and check the pages of an atlas, and put it into the site; returns how many.

    ``folder`` holds its data, and lies on the file system of the site.
    """
    out, name, info = settings.out, settings.atlas_name, contents.info
    if not published_addresses.are_whole(out / name):
        print(f"note: {out / name / 'addresses.txt'} is not as it was written: it is made again")
    count = write_pages(folder, info=info, progress=bar, pages=pages)
    gone = published_addresses.keep_addresses(folder, published=out / name, info=info)
    if gone:
        what = "page of the last build has" if len(gone) == 1 else "pages of the last build have"
        print(f"note: {len(gone):,} {what} gone; each says so now")
    with files.alone(out):  # an atlas published meanwhile would be missing from what all share
        site = whole(out, contents=contents, name=name, folder=folder, pages=pages)
        checked_links.check(site.files, info.base, folder)
        _note(site, settings, contents)
        publishing.publish(folder, out=out, name=name, shared=site.files.texts)
    return count


def render_again(atlases: Iterable[Settings], contents: SiteContents) -> int:
    """Bring published atlases, of one site, and what they share up to date; compute nothing.

    Leaves the site as it was where anything is wrong. Returns how many atlases had other pages.
    """
    rendered, out = 0, None
    for settings in atlases:
        out, name = settings.out, settings.atlas_name
        if not are_current(out / name, info=contents.info):
            with staging(out, name, worth_keeping=lambda scratch: False) as at:
                publish(at.folder, settings, contents)
            rendered += 1
    if out is not None and not rendered:
        with files.alone(out):
            site = whole(out, contents=contents)
            links.check(site.files, contents.info.base)
            publishing.write_shared(out, site.files.texts)
    return rendered


def _note(site: Whole, settings: Settings, contents: SiteContents) -> None:
    """Print what of a site can't be shown yet."""
    for line in site.unreadable:
        print(f"note: not on the home page: {line}", file=sys.stderr)
    if settings.notes or settings.config:
        for line in site.left_out:
            print(f"note: left out for now: {line}", file=sys.stderr)
    if site.waiting:
        what = f"{site.waiting:,} names are for units of atlases that are not here yet"
        print(f"note: {contents.info.names.path}: {what}", file=sys.stderr)
