"""What a build computes, as plain records: the JSON beside the pages, and all that rendering reads.

Nothing here knows of torch. Positions are (row, column); boxes ``[top, left, bottom, right]``,
half-open, in pixels of the input frame.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from atlas.errors import AtlasError

SCHEMA = 3

Link = tuple[str, int, float | None]  # a unit of some layer, and how strong the bond is


@dataclass(frozen=True, slots=True)
class Winner:
    """One of a unit's nine: an image, how strongly and where it activates the unit."""

    image: int
    file: str
    label: str | None
    value: float
    position: tuple[int, int]
    box: tuple[int, int, int, int]
    true_box: tuple[int, int, int, int]

    def as_json(self) -> dict[str, Any]:
        """As it stands in ``layer.json``."""
        return {
            "image": self.image,
            "file": self.file,
            "class": self.label,
            "value": self.value,
            "position": list(self.position),
            "box": list(self.box),
            "true_box": list(self.true_box),
        }

    @staticmethod
    def of_json(json_: dict[str, Any]) -> Winner:
        """The inverse of ``as_json``."""
        row, column = json_["position"]
        boxes = []
        for key in ("box", "true_box"):
            top, left, bottom, right = json_[key]
            boxes.append((top, left, bottom, right))
        return Winner(
            json_["image"],
            json_["file"],
            json_["class"],
            json_["value"],
            (row, column),
            boxes[0],
            boxes[1],
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """An image near a percentile of all, by how strongly they activate a unit.

    ``winner`` is None where that image doesn't activate it at all.
    """

    percent: float
    winner: Winner | None = None

    def as_json(self) -> dict[str, Any]:
        """As it stands in ``layer.json``."""
        return {"percent": self.percent, **(self.winner.as_json() if self.winner else {})}

    @staticmethod
    def of_json(json_: dict[str, Any]) -> Sample:
        """The inverse of ``as_json``."""
        return Sample(json_["percent"], Winner.of_json(json_) if "image" in json_ else None)


Figures = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What came of trying a unit's nine reconstructions: of each a number, None where not tried.

    ``ssim`` and ``rank``: how like the control twin's they are, by structural similarity and by
    rank correlation of how much lies where. ``kept`` and ``lost``: what share of the activation is
    left when only what is marked stays sharp, and gone when all but that does; ``kept_elsewhere``
    and ``lost_elsewhere`` the same for marks of the same shape elsewhere. ``own``: the share of the
    picture's energy that the layer's other units don't show.
    """

    ssim: Figures
    rank: Figures
    kept: Figures
    lost: Figures
    kept_elsewhere: Figures
    lost_elsewhere: Figures
    own: Figures

    def mean(self, measure: str) -> float | None:
        """The mean of one measure over those that were tried."""
        figures = [figure for figure in getattr(self, measure) if figure is not None]
        return sum(figures) / len(figures) if figures else None


MEASURES = tuple(part.name for part in fields(Evidence))


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit's number, in how many images it fired, and its winners, strongest first.

    ``effective`` is its effective receptive field, as a box within its nominal box; ``levels`` the
    first level of activation (``levels``) that some image's maximum reached, and for it
    and those above how many did; ``below`` and ``above`` the units that it is made of and feeds;
    ``alike`` those that go most nearly together with it, and how much; ``spectrum`` samples of what
    activates it less; ``evidence`` what came of trying the nine's reconstructions.
    """

    unit: int
    fired: int
    nine: tuple[Winner, ...]
    effective: tuple[int, int, int, int] | None = None
    levels: tuple[int, tuple[int, ...]] = (0, ())
    below: tuple[Link, ...] = ()
    above: tuple[Link, ...] = ()
    alike: tuple[Link, ...] = ()
    spectrum: tuple[Sample, ...] = ()
    evidence: Evidence | None = None
    concepts: tuple[tuple[str, float], ...] = ()

    @property
    def commonest(self) -> tuple[str, int] | None:
        """The class that most winners have, and how many do; the first to appear on a tie."""
        counts = Counter(winner.label for winner in self.nine if winner.label is not None)
        return counts.most_common(1)[0] if counts else None

    @property
    def outside(self) -> float | None:
        """The mean share of its winners' boxes that can't reach the activation."""
        shares = [1 - _area(winner.true_box) / _area(winner.box) for winner in self.nine]
        return sum(shares) / len(shares) if shares else None

    @property
    def drawn_on(self) -> float | None:
        """The share of its box that is the effective receptive field."""
        if not self.effective or not self.nine:
            return None
        return _area(self.effective) / _area(self.nine[0].box)

    def as_json(self) -> dict[str, Any]:
        """As it stands in ``layer.json``."""
        return {
            "unit": self.unit,
            "fired": self.fired,
            "effective": list(self.effective) if self.effective else None,
            "levels": [self.levels[0], list(self.levels[1])],
            "below": [list(link) for link in self.below],
            "above": [list(link) for link in self.above],
            "alike": [list(link) for link in self.alike],
            "spectrum": [sample.as_json() for sample in self.spectrum],
            "evidence": asdict(self.evidence) if self.evidence else None,
            "concepts": [list(one) for one in self.concepts],
            "nine": [winner.as_json() for winner in self.nine],
        }

    @staticmethod
    def of_json(json_: dict[str, Any]) -> Unit:
        """The inverse of ``as_json``."""
        effective = None
        if json_["effective"]:
            top, left, bottom, right = json_["effective"]
            effective = (top, left, bottom, right)
        first, counts = json_["levels"]
        below, above, alike = (
            tuple((name, unit, share) for name, unit, share in json_[key])
            for key in ("below", "above", "alike")
        )
        nine = tuple(Winner.of_json(winner) for winner in json_["nine"])
        levels = (first, tuple(counts))
        spectrum = tuple(Sample.of_json(sample) for sample in json_["spectrum"])
        evidence = None
        if json_["evidence"]:
            figures = {key: tuple(values) for key, values in json_["evidence"].items()}
            evidence = Evidence(**figures)
        return Unit(
            json_["unit"],
            json_["fired"],
            nine,
            effective,
            levels,
            below,
            above,
            alike,
            spectrum,
            evidence,
            tuple((name, share) for name, share in json_["concepts"]),
        )


def _area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


@dataclass(frozen=True)
class Plate:
    """Where the tiles of a unit's plate lie, in pixels of the plate.

    Three rows of six: the nine reconstructions on the left, their patches on the right; or three of
    three, where the images may not be shown.
    """

    tile: tuple[int, int]
    gap: int
    gutter: int
    patches: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the whole plate."""
        height, width = (3 * side + 2 * self.gap for side in self.tile)
        return height, 2 * width + self.gutter if self.patches else width

    def place(self, rank: int, patch: bool) -> tuple[int, int]:
        """Top left corner of a tile: of a winner's patch, or of its reconstruction."""
        row, column = divmod(rank, 3)
        height, width = self.tile
        beyond = 3 * width + 2 * self.gap + self.gutter if patch else 0
        return row * (height + self.gap), column * (width + self.gap) + beyond


@dataclass(frozen=True)
class ReceptiveField:
    """The nominal receptive field: (height, width), (rows, columns), (top, left) in pixels."""

    size: tuple[int, int]
    stride: tuple[int, int]
    offset: tuple[int, int]


@dataclass(frozen=True)
class LayerData:
    """A layer and the winners of its units: of all of them, unless fewer were asked for.

    ``shape`` is (units, height, width) of its activations; ``filters`` the height and width of
    one filter on the layer's sheet of filters, with their number in a row, where it has one.
    """

    layer: str
    module: str
    kind: str
    shape: tuple[int, int, int]
    receptive_field: ReceptiveField
    images: int
    plate: Plate
    filters: tuple[int, int, int] | None
    top: tuple[Unit, ...]

    @property
    def units(self) -> int:
        """How many units it has."""
        return self.shape[0]

    def find(self, number: int) -> Unit | None:
        """One of the units shown, by its number; None if it isn't among them."""
        row = bisect_left(self.top, number, key=lambda unit: unit.unit)
        return self.top[row] if row < len(self.top) and self.top[row].unit == number else None

    def unit(self, number: int) -> Unit:
        """The same, of one that is known to be shown."""
        unit = self.find(number)
        assert unit is not None
        return unit

    @property
    def dead(self) -> int:
        """How many of the units shown never fired."""
        return sum(unit.fired == 0 for unit in self.top)

    def as_json(self) -> dict[str, Any]:
        """As it stands in ``layer.json``."""
        return {
            "schema": SCHEMA,
            "layer": self.layer,
            "module": self.module,
            "kind": self.kind,
            "units": self.units,
            "shape": list(self.shape),
            "images": self.images,
            "receptive_field": asdict(self.receptive_field),
            "plate": asdict(self.plate),
            "filters": self.filters,
            "top": [unit.as_json() for unit in self.top],
        }

    @staticmethod
    def of_json(json_: dict[str, Any]) -> LayerData:
        """The inverse of ``as_json``."""
        plate, filters = json_["plate"], json_["filters"]
        nominal = {key: _pair(value) for key, value in json_["receptive_field"].items()}
        units, height, width = json_["shape"]
        return LayerData(
            json_["layer"],
            json_["module"],
            json_["kind"],
            (units, height, width),
            ReceptiveField(**nominal),
            json_["images"],
            Plate(_pair(plate["tile"]), plate["gap"], plate["gutter"], plate["patches"]),
            (filters[0], filters[1], filters[2]) if filters else None,
            tuple(Unit.of_json(unit) for unit in json_["top"]),
        )


@dataclass(frozen=True)
class AtlasData:
    """The facts of an atlas, as they stand in ``atlas.json``, and the names of its layers.

    ``extensions`` names the operations of the network that the rule's paper says nothing of;
    ``evidence`` says whether reconstructions were tried and statistics taken; ``concepts`` what
    units were compared with, if there were masks: ``description``, ``images`` and ``names``;
    ``made_from`` is the fingerprint of what decided it all, if one was taken; ``slots`` is how many
    images the network ran on at once, 0 where that isn't known.
    """

    name: str
    program: str
    network: dict[str, Any]
    preprocessing: dict[str, Any]
    images: dict[str, Any]
    rule: str
    command: str
    layers: tuple[str, ...]
    extensions: list[str] = field(default_factory=list)
    date: str | None = None
    made_from: str = ""
    slots: int = 0
    evidence: bool = True
    concepts: dict[str, Any] | None = None
    schema: int = SCHEMA
    summary: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_partial(self) -> bool:
        """Whether it shows only some of its network's layers, or some of their units."""
        some = any(summary["shown"] < summary["units"] for summary in self.summary)
        return some or len(self.layers) < self.network["layers"]


def _pair(values: list[int]) -> tuple[int, int]:
    return values[0], values[1]


def dumps(value: dict[str, Any]) -> str:
    """JSON as it is written: readable, with its keys in the order given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"


def read_atlas(folder: Path) -> AtlasData:
    """An atlas's facts. Raises ``AtlasError`` if the folder holds none that this program reads."""
    path = folder / "atlas.json"
    found = _read(path)
    if found.get("schema") != SCHEMA:
        raise AtlasError(
            f"{path} has schema {found.get('schema')}, and this program reads {SCHEMA}: build the "
            "atlas again"
        )
    try:
        return AtlasData(**{**found, "layers": tuple(found["layers"])})
    except (KeyError, TypeError) as error:
        raise _strange(path) from error


def read_layer(folder: Path, layer: str) -> LayerData:
    """One layer of an atlas. Raises ``AtlasError`` if it can't be read."""
    path = folder / layer / "layer.json"
    try:
        return LayerData.of_json(_read(path))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _strange(path) from error


def _strange(path: Path) -> AtlasError:
    return AtlasError(f"{path} doesn't have the form that this program reads: build it again")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AtlasError(f"{path} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise AtlasError(f"{path} holds no JSON object")
    return found
