"""What stands around a site's atlases, and on which day they were built."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from atlas.commands.config import Config
from atlas.data.settings import HOME, Settings
from atlas.errors import UsageError
from atlas.site import own_files
from atlas.site.given_names import NO_NAMES, read_names
from atlas.site.info import SiteContents, SiteInfo
from atlas.site.render.base import check_templates
from atlas.site.render.notes import Note, read_notes


def contents_of(settings: Settings, config: Config) -> SiteContents:
    """What stands around the atlases, as the command says, or else the configuration.

    Raises ``UsageError`` for a base URL that is none and for what is not there, ``AtlasError`` for
    files of the author's that can't be used.
    """
    said = config.site
    notes = notes_folder(settings, config)
    if notes is not None and not notes.is_dir():
        raise UsageError(f"--notes {notes}: no such folder")
    style, logo, labels = (_there(config, key) for key in ("css", "logo", "labels"))
    templates = _there(config, "templates", folder=True)
    own = own_files.read_templates(templates) if templates else ()
    check_templates(own)
    about = SiteInfo(
        title=said.get("title", SiteInfo.title),
        author=said.get("author", ""),
        base=base_url(settings.base_url or said.get("base-url")),
        licence=said.get("licence", ""),
        style=own_files.read_style(style) if style else None,
        logo=own_files.read_logo(logo) if logo else None,
        footer=said.get("footer", ""),
        raw_html=said.get("raw-html", False),
        templates=own,
        names=read_names(labels) if labels else NO_NAMES,
        notes=any(
            _has_atlas(note, settings, config) for note in (read_notes(notes) if notes else ())
        ),
    )
    return SiteContents(
        about,
        notes,
        comparisons=tuple(pair.atlases for pair in said.get("compare", [])),
        matched=tuple(pair.atlases for pair in said.get("compare", []) if pair.match),
        atlases=tuple(Settings(**table).atlas_name for table in config.atlases),
        synonyms=config.synonyms,
    )


def notes_folder(settings: Settings, config: Config) -> Path | None:
    """The folder of the notes, whether it is there or not; None where there is none to look in."""
    if settings.notes or "notes" in config.site:
        return settings.notes or Path(config.site["notes"])
    return HOME / "notes" if (HOME / "notes").is_dir() else None


def _there(config: Config, key: str, *, folder: bool = False) -> Path | None:
    """The path that ``[site]`` gives for a key. Raises ``UsageError`` if nothing is there."""
    path = Path(config.site[key]) if key in config.site else None
    if path is not None and not (path.is_dir() if folder else path.is_file()):
        raise UsageError(f"[site] {key}: {path}: no such {'folder' if folder else 'file'}")
    return path


def _has_atlas(note: Note, settings: Settings, config: Config) -> bool:
    """Whether the site has, or will have, the atlas that a note is about."""
    built = {replace(settings, **table).atlas_name for table in config.atlases or [{}]}
    return not note.atlas or note.atlas in built or (settings.out / note.atlas).is_dir()


def base_url(url: str | None) -> str:
    """The site's own address, with a slash at its end. Raises ``UsageError`` if it is none."""
    if not url:
        return ""
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise UsageError(
            f"--base-url {url}: an address such as https://example.org/atlas/ is wanted"
        )
    return url.rstrip("/") + "/"


def build_date() -> str | None:
    """The date of the build, if ``SOURCE_DATE_EPOCH`` gives one: no clock enters the output.

    Raises ``UsageError`` if it is no number.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return None
    if not epoch.isdigit():
        raise UsageError(f"SOURCE_DATE_EPOCH={epoch}: a number of seconds is wanted")
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%d")
