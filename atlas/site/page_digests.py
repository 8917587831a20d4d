"""Digests that say whether an atlas's pages have to be rendered again.

Pages follow from the documents of the stages, the templates, the source of the wings that render,
the libraries they use, what the site says of itself, and the kinds of pages. All of it goes into
one digest, so that nothing can be forgotten: a changed comment renders again, in seconds. Style
sheets and scripts are not part of a page: it names them, and the site has them once.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import atlas
from atlas.site.info import SiteInfo
from atlas.site.own_files import TEMPLATES
from atlas.site.pages import Page

WINGS = ("data", "drawing", "site")  # those that decide what a page looks like
LIBRARIES = ("jinja2", "markdown", "markupsafe", "msgspec", "nh3")
HOME = Path(inspect.getfile(atlas)).parent


def of_files(folder: Path, files: Sequence[str]) -> str:
    """A digest of some files' contents, in order, and of which of them are there."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        try:
            content = (folder / file).read_bytes()
        except FileNotFoundError:
            digest.update(b"-")
        else:
            digest.update(hashlib.blake2b(content, digest_size=16).digest())
    return digest.hexdigest()


def of_inputs(
    folder: Path, *, outputs: Iterable[str], info: SiteInfo, pages: Sequence[Page]
) -> str:
    """A digest of all that decides the pages of the atlas in a folder.

    ``outputs`` are the files that the pages themselves write; any other JSON is a stage's document.
    """
    return of_contents(_inputs(folder, frozenset(outputs), info, pages))


def of_contents(contents: Iterable[tuple[str, bytes]]) -> str:
    """A digest of names and their contents, in order."""
    digest = hashlib.blake2b(digest_size=16)
    for name, content in contents:
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _inputs(
    folder: Path, outputs: frozenset[str], info: SiteInfo, pages: Sequence[Page]
) -> Iterator[tuple[str, bytes]]:
    """Everything that decides pages: (name, content)."""
    for file, content in _contents(folder, "*.json"):
        if file not in outputs and not Path(file).name.startswith("."):
            yield file, content
    yield from _contents(TEMPLATES, "*.html")
    yield "__init__.py", (HOME / "__init__.py").read_bytes()
    for wing in WINGS:
        yield from _contents(HOME / wing, "*.py")
    for library in LIBRARIES:
        yield library, version(library).encode()
    yield "info", repr(info).encode()
    for page in pages:
        yield repr((page.name, page.title, page.address)), _source(page)


def _contents(folder: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob(pattern)):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _source(page: Page) -> bytes:
    """The source of a kind of page: its function's name and all of its module, with what it closes
    over. Raises ``TypeError`` if it isn't a function of a module with a file.
    """
    function = inspect.unwrap(page.files)
    module: ModuleType = sys.modules[function.__module__]
    closed_over = [cell.cell_contents for cell in function.__closure__ or ()]
    name = f"{function.__qualname__} {closed_over!r}\n"
    return name.encode() + Path(inspect.getfile(module)).read_bytes()
