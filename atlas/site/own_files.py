"""Files of the author's that a site takes over: a style, a logo, templates."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from atlas.data.records import Pair
from atlas.errors import AtlasError, UsageError

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
STYLE = "own.css"
_DRAWN = ".svg"
_PICTURES = (".gif", ".jpeg", ".jpg", ".png", ".webp")


@dataclass(frozen=True)
class OwnFile:
    """A file as it stands at the site's root; what it holds decides no page."""

    address: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Logo(OwnFile):
    """A picture; ``size`` is its height and width, None for one that is drawn to any size."""

    size: Pair | None = None


@dataclass(frozen=True)
class OwnTemplate:
    """A file in the place of the template of its name; its path is for messages alone."""

    name: str
    source: str
    path: str = field(repr=False)


def read_style(path: Path) -> OwnFile:
    """A style sheet. Raises ``AtlasError`` if it can't be read."""
    return OwnFile(STYLE, _text(path).encode())


def read_logo(path: Path) -> Logo:
    """A logo. Raises ``UsageError`` for a file that no page shows as a picture."""
    suffix = path.suffix.lower()
    if suffix not in (_DRAWN, *_PICTURES):
        raise UsageError(f"{path}: a logo ends in one of {', '.join((_DRAWN, *_PICTURES))}")
    if suffix == _DRAWN:
        return Logo(f"logo{suffix}", _text(path).encode())
    try:
        with Image.open(path) as picture:
            width, height = picture.size
        return Logo(f"logo{suffix}", path.read_bytes(), (height, width))
    except (OSError, UnidentifiedImageError) as error:
        raise AtlasError(f"{path} can't be read as a picture: {error}") from error


def read_templates(folder: Path) -> tuple[OwnTemplate, ...]:
    """The templates of a folder.

    What editors leave, hidden files and those that end in ``~``, is passed over. Raises
    ``AtlasError`` for a file that takes no template's place.
    """
    known = sorted(path.name for path in TEMPLATES.iterdir() if not path.name.startswith("."))
    templates = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.name not in known:
            near = difflib.get_close_matches(path.name, known, 1, 0.6)
            meant = f"did you mean {near[0]}? " if near else ""
            raise AtlasError(f"{path}: {meant}the templates are {', '.join(known)}")
        templates.append(OwnTemplate(path.name, _text(path), str(path)))
    return tuple(templates)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AtlasError(f"{path} can't be read: {error}") from error
