"""Where a piece of code comes from: a library, the standard library, or a user's own file."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

LIBRARIES = ("torch", "torchvision", "timm")  # known by their versions alone
_STANDARD = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
_INSTALLED = {"site-packages", "dist-packages"}


def library_of(file: str) -> str | None:
    """Which of ``LIBRARIES`` a source file belongs to, None for any other."""
    for name in LIBRARIES:
        home = getattr(sys.modules.get(name), "__file__", None)
        if home and Path(file).is_relative_to(Path(home).parent):
            return name
    return None


def is_standard(file: str) -> bool:
    """Whether a file belongs to Python's standard library."""
    path = Path(file)
    if _INSTALLED & set(path.parts):
        return False
    return file.startswith("<frozen ") or any(path.is_relative_to(home) for home in _STANDARD)


def is_own(file: str) -> bool:
    """Whether a file is neither one of ``LIBRARIES`` nor of the standard library."""
    return library_of(file) is None and not is_standard(file)


def is_installed(file: str) -> bool:
    """Whether a file belongs to an installed package, whichever that is."""
    return bool(_INSTALLED & set(Path(file).parts))


def version_of(library: str) -> str:
    """The version of a library that is loaded, "" where it doesn't say."""
    return str(getattr(sys.modules.get(library), "__version__", ""))
