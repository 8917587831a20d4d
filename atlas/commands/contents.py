"""What stands around a site's atlases, and on which day they were built."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from atlas.commands.config import Config
from atlas.data.settings import HOME, Settings
from atlas.errors import UsageError
from atlas.site.info import SiteContents, SiteInfo


def contents_of(settings: Settings, config: Config) -> SiteContents:
    """What stands around the atlases, as the command says, or else the configuration.

    Raises ``UsageError`` for notes that are not there and a base URL that is none.
    """
    said = config.site
    notes = settings.notes or (Path(said["notes"]) if "notes" in said else None)
    if notes is not None and not notes.is_dir():
        raise UsageError(f"--notes {notes}: no such folder")
    if notes is None and (HOME / "notes").is_dir():
        notes = HOME / "notes"
    about = SiteInfo(
        title=said.get("title", SiteInfo.title),
        author=said.get("author", ""),
        base=base_url(settings.base_url or said.get("base-url")),
        licence=said.get("licence", ""),
    )
    return SiteContents(about, notes, tuple((one, other) for one, other in said.get("compare", [])))


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
