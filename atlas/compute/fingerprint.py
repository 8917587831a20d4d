"""What tells a computed atlas from any other: a digest of all that decides what is computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numba
import numpy as np
import torch
from PIL import __version__ as PIL_VERSION

from atlas.images.sources import Identified
from atlas.networks.identity import identity
from atlas.networks.network import Network


def fingerprint(network: Network, images: Identified, settings: Mapping[str, object]) -> str:
    """A digest of all that decides what is computed: data with the same one are the same.

    The network with its weights and preprocessing, the images, settings, and this program with the
    libraries whose arithmetic it uses.
    """
    decides = {
        "program": {name: _source_hash(name) for name in _MODULES},
        "libraries": [torch.__version__, np.__version__, numba.__version__, PIL_VERSION],
        "network": identity(network),
        "images": images.identity(),
        "settings": settings,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


_PACKAGE = Path(__file__).parent.parent
_SHOWS = ("site", "commands")  # wings that show what was computed
_MODULES = sorted(
    path.relative_to(_PACKAGE).as_posix()
    for path in _PACKAGE.rglob("*.py")
    if path.relative_to(_PACKAGE).parts[0] not in _SHOWS
)


def _source_hash(module: str) -> str:
    return hashlib.sha256((_PACKAGE / module).read_bytes()).hexdigest()
