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
    from atlas.networks.network import Network, load_network, receptive_field, wrap
    from atlas.reconstruction.deconvnet import reconstruct
    from atlas.scanning.scan import Scan, scan

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
    "Network": "atlas.networks.network",
    "Scan": "atlas.scanning.scan",
    "load_network": "atlas.networks.network",
    "receptive_field": "atlas.networks.network",
    "reconstruct": "atlas.reconstruction.deconvnet",
    "scan": "atlas.scanning.scan",
    "wrap": "atlas.networks.network",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'atlas' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
