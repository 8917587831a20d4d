"""People's own names for units: which unit each is for, and whether there is such a unit.

They come from a CSV file of addresses and names:

    conv5/49, faces
    alexnet:conv3/17, "wheels, mostly of bicycles"

An address without an atlas is that of the only atlas of the site that has such a unit.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.data.records import LayerData
from atlas.errors import AtlasError

if TYPE_CHECKING:
    from atlas.site.render.view import AtlasView

_ADDRESS = re.compile(r"(?:([\w.-]+)[:/])?([^/:\s]+)/([0-9]+)")
_HEAD = ["address", "name"]


@dataclass(frozen=True)
class GivenName:
    """A unit's name, and the line that gives it; ``atlas`` is "" where the line names none."""

    atlas: str
    layer: str
    unit: int
    name: str
    line: int = field(repr=False)

    @property
    def address(self) -> str:
        """The unit's address, as the line may have it."""
        own = f"{self.layer}/{self.unit}"
        return f"{self.atlas}:{own}" if self.atlas else own


@dataclass(frozen=True)
class GivenNames:
    """All names that a file gives; its path is for messages alone."""

    names: tuple[GivenName, ...] = ()
    path: str = field(default="", repr=False)

    def of(self, atlas: str) -> dict[tuple[str, int], str]:
        """The names for units of an atlas, by layer and unit."""
        own = (one for one in self.names if one.atlas in ("", atlas))
        return {(one.layer, one.unit): one.name for one in own}


NO_NAMES = GivenNames()


def read_names(path: Path) -> GivenNames:
    """The names in a file. Raises ``AtlasError``, with file and line, for what can't be meant."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AtlasError(f"{path} can't be read: {error}") from error
    rows = csv.reader(text.splitlines(keepends=True), skipinitialspace=True, strict=True)
    names: list[GivenName] = []
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if any(cells) and not (not names and [cell.lower() for cell in cells] == _HEAD):
                names.append(_name(cells, rows.line_num))
    except (csv.Error, ValueError) as error:
        raise AtlasError(f"{path}:{rows.line_num}: {error}") from None
    given = GivenNames(tuple(names), str(path))
    _refuse_twice(given, ((one.address, one) for one in names))
    return given


def _name(cells: list[str], line: int) -> GivenName:
    """A line's name. Raises ``ValueError``, with a message for people."""
    if len(cells) != 2:
        raise ValueError(
            f"an address and a name are wanted, not {len(cells)} fields (a name with a comma "
            "stands in quotation marks)"
        )
    found = _ADDRESS.fullmatch(cells[0])
    if not found:
        raise ValueError(f"{cells[0]!r} is not the address of a unit, such as conv5/49")
    if not cells[1]:
        raise ValueError(f"{cells[0]} has no name")
    return GivenName(found[1] or "", found[2], int(found[3]), cells[1], line)


def check_names(
    given: GivenNames, views: Mapping[str, AtlasView], expected: Iterable[str] = ()
) -> int:
    """Check that each name is for one unit of the site's atlases, and no unit has two.

    ``expected`` names the atlases that the site will have. Returns how many names are for units
    of atlases that it doesn't have yet, or of which it shows a part. Raises ``AtlasError`` with
    file and line.
    """
    missing = not set(expected) <= set(views)
    waiting, placed = 0, []
    for name in given.names:
        asked = [views[name.atlas]] if name.atlas in views else list(views.values())
        homes = [view for view in asked if _has(view, name)]
        if name.atlas and name.atlas not in views:
            waiting += 1
        elif len(homes) == 1:
            placed.append(((homes[0].name, name.layer, name.unit), name))
        elif homes:
            both = ", ".join(f"{view.name}:{name.address}" for view in homes)
            raise AtlasError(f"{_place(given, name)}: which atlas? Write one of {both}")
        elif (missing and not name.atlas) or any(_may_hide(view, name) for view in asked):
            waiting += 1
        else:
            raise AtlasError(f"{_place(given, name)}: {_why_not(name, asked)}")
    _refuse_twice(given, placed)
    return waiting


def _has(view: AtlasView, name: GivenName) -> bool:
    """Whether an atlas's network has the unit of a name, in a layer that the atlas shows."""
    layer = view.layers.get(name.layer)
    return layer is not None and name.unit < layer.units


def _may_hide(view: AtlasView, name: GivenName) -> bool:
    """Whether an atlas shows a part of its network, and not the layer of a name."""
    return view.atlas.is_partial and name.layer not in view.layers


def _why_not(name: GivenName, views: Iterable[AtlasView]) -> str:
    layers: dict[str, LayerData] = {}
    for view in views:
        layers.update(view.layers)
    if name.layer in layers:
        return f"{name.layer} has units 0 to {layers[name.layer].units - 1}"
    near = difflib.get_close_matches(name.layer, layers, 3, 0.3) or list(layers)
    return f"there is no layer {name.layer}; nearest: {', '.join(near)}"


def _refuse_twice(given: GivenNames, named: Iterable[tuple[object, GivenName]]) -> None:
    """Raise ``AtlasError`` where one unit, or one address, is named twice."""
    first: dict[object, GivenName] = {}
    for what, name in named:
        if what in first:
            place = _place(given, name)
            raise AtlasError(f"{place}: line {first[what].line} names this unit already")
        first[what] = name


def _place(given: GivenNames, name: GivenName) -> str:
    return f"{given.path}:{name.line}: {name.address}"
