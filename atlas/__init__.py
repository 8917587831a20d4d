"""CNN Atlas: what every unit of a convolutional network responds to, as a static site.

The library face, which the command itself uses: ``load_network``, ``scan``, ``receptive_field``
and ``reconstruct``. Names are looked up when they are first used, so that rendering a site,
which needs no network, doesn't load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError, UsageError

if TYPE_CHECKING:
    from atlas.deconvnet import reconstruct
    from atlas.network import Network, load_network, receptive_field, wrap
    from atlas.scanning import Scan, scan

__version__ = "0.1.0"
__all__ = [
    "AtlasError",
    "Network",
    "Scan",
    "UsageError",
    "__version__",
    "load_network",
    "receptive_field",
    "reconstruct",
    "scan",
    "wrap",
]

_HOMES = {
    "Network": "atlas.network",
    "Scan": "atlas.scanning",
    "load_network": "atlas.network",
    "receptive_field": "atlas.network",
    "reconstruct": "atlas.deconvnet",
    "scan": "atlas.scanning",
    "wrap": "atlas.network",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'atlas' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
