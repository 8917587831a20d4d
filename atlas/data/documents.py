"""Which file of an atlas's folder holds which record: what stages write, and what pages read.

Every stage owns one kind of JSON document, for the whole atlas or for each layer, with a schema
number of its own: a change of one stage's form leaves all others readable.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct, structs

from atlas.data import records
from atlas.data.records import (
    AtlasData,
    Corners,
    Evidence,
    LayerData,
    Link,
    Sample,
    Unit,
    Winner,
)
from atlas.data.whole_files import write_whole
from atlas.errors import AtlasError

T = TypeVar("T")


@dataclass(frozen=True)
class Document(Generic[T]):
    """A kind of JSON file: ``NAME.json`` in the atlas's folder, or in each layer's.

    ``type`` is what one holds, any type that msgspec knows.
    """

    name: str
    type: type[T]
    schema: int = 1

    def path(self, folder: Path, layer: str = "") -> Path:
        """Where it lies in an atlas's folder."""
        return folder / layer / f"{self.name}.json"

    def write(self, folder: Path, body: T, layer: str = "") -> None:
        """Write one."""
        path = self.path(folder, layer)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, self.encoded(body))

    def encoded(self, body: T) -> bytes:
        """What its file holds."""
        return encoded({"schema": self.schema, **msgspec.to_builtins(body)})

    def read(self, folder: Path, layer: str = "") -> T:
        """Read one. Raises ``AtlasError`` for a file that isn't there or has another form."""
        return decoded(self.path(folder, layer), self.type, self.schema)


class UnitNine(Struct, frozen=True):
    """A unit's winners, and how its activations are spread (see ``Unit``)."""

    unit: int
    fired: int
    nine: tuple[Winner, ...]
    levels: tuple[int, tuple[int, ...]]


class LayerNine(Struct, frozen=True):
    """The winners of a layer's units; ``images`` counts the different images scanned."""

    images: int
    units: tuple[UnitNine, ...]


class UnitCloseUps(Struct, frozen=True):
    """The side of the close-ups that a unit's tiles show; None where they show nominal boxes."""

    unit: int
    side: int | None


class UnitReconstructions(Struct, frozen=True):
    """What the reconstructions of a unit's nine came to (see ``Unit``).

    ``close_ups`` are those that its tiles show, one for each of the nine; there are none where they
    show nominal boxes.
    """

    unit: int
    effective: Corners | None
    evidence: Evidence | None
    close_ups: tuple[Corners, ...] = ()


class UnitConnections(Struct, frozen=True):
    """The units that a unit is made of and feeds (see ``Unit``)."""

    unit: int
    below: tuple[Link, ...]
    above: tuple[Link, ...]


class UnitContributions(Struct, frozen=True):
    """What a unit's pre-activations are sums of (see ``Unit``)."""

    unit: int
    sums: records.Sums | None


class UnitTogether(Struct, frozen=True):
    """The units whose activations go with a unit's (see ``Unit``)."""

    unit: int
    alike: tuple[Link, ...]


class UnitExamples(Struct, frozen=True):
    """Images that activate a unit less than its nine (see ``Unit``)."""

    unit: int
    spectrum: tuple[Sample, ...]


class UnitConcepts(Struct, frozen=True):
    """What a unit overlaps with by more than chance (see ``Unit``)."""

    unit: int
    concepts: tuple[records.Concept, ...]


class PerUnit(Struct, Generic[T], frozen=True):
    """A record for each unit of a layer that is shown, in order."""

    units: tuple[T, ...]


class Summaries(Struct, frozen=True):
    """The summary of each layer, in order."""

    layers: tuple[records.LayerSummary, ...]


class Comparison(Struct, frozen=True):
    """What units were compared with; None if there were no masks, or no evidence was wanted."""

    facts: records.ConceptFacts | None


NETWORK = Document("network", records.NetworkFacts)
LAYER = Document("layer", records.LayerFacts, schema=2)
IMAGES = Document("images", records.ImageFacts)
NINE = Document("nine", LayerNine)
CLOSE_UPS = Document("close_ups", PerUnit[UnitCloseUps], schema=2)
RECONSTRUCTIONS = Document("reconstructions", PerUnit[UnitReconstructions], schema=2)
CONNECTIONS = Document("connections", PerUnit[UnitConnections])
CONTRIBUTIONS = Document("contributions", PerUnit[UnitContributions])
TOGETHER = Document("together", PerUnit[UnitTogether])
EXAMPLES = Document("examples", PerUnit[UnitExamples], schema=2)
COMPARISON = Document("concepts", Comparison)
CONCEPTS = Document("concepts", PerUnit[UnitConcepts])
SUMMARY = Document("summary", Summaries)

_JOINED = (
    RECONSTRUCTIONS,
    CONNECTIONS,
    CONTRIBUTIONS,
    TOGETHER,
    EXAMPLES,
    CONCEPTS,
)  # with the nine: a unit


def read_layer(folder: Path, layer: str) -> LayerData:
    """All that an atlas knows of a layer and its units.

    Raises ``AtlasError`` if a document of the layer can't be read, or they don't fit each other.
    """
    facts, nine = LAYER.read(folder, layer), NINE.read(folder, layer)
    fields: list[dict[str, Any]] = [_fields(unit) for unit in nine.units]
    for document in _JOINED:
        if document is not RECONSTRUCTIONS and not document.path(folder, layer).is_file():
            continue  # nothing of this kind was asked for
        more = {unit.unit: unit for unit in document.read(folder, layer).units}
        for known in fields:
            if known["unit"] not in more:
                raise _strange(document.path(folder, layer))
            known |= _fields(more[known["unit"]])
    for known in fields:
        boxes = known.pop("close_ups")
        if len(boxes) not in (0, len(known["nine"])):
            raise _strange(RECONSTRUCTIONS.path(folder, layer))
        known["nine"] = _closer(known["nine"], boxes)
    top = tuple(Unit(**known) for known in fields)
    return LayerData(**_fields(facts), images=nine.images, top=top)


def _closer(nine: tuple[Winner, ...], boxes: tuple[Corners, ...]) -> tuple[Winner, ...]:
    """A unit's winners with the close-ups of them, if there are any."""
    pairs = zip(nine, boxes, strict=True) if boxes else ()
    return tuple(structs.replace(winner, close_box=box) for winner, box in pairs) or nine


def read_atlas(folder: Path) -> AtlasData:
    """An atlas's facts. Raises ``AtlasError`` if the folder holds none that this program reads."""
    return decoded(folder / "atlas.json", AtlasData, records.SCHEMA)


def encoded(value: Any) -> bytes:
    """JSON as it is written: compact, with the keys in the order given."""
    return msgspec.json.encode(value) + b"\n"


def decoded(path: Path, form: type[T], schema: int) -> T:
    """A JSON file's record. Raises ``AtlasError`` if it can't be read as one."""
    try:
        raw = path.read_bytes()
        own = msgspec.json.decode(raw, type=_Numbered).schema
    except (OSError, msgspec.DecodeError) as error:
        raise AtlasError(f"{path} can't be read: {error}") from error
    if own != schema:
        raise AtlasError(
            f"{path} has schema {own}, and this program reads {schema}: build the atlas again"
        )
    try:
        record = msgspec.json.decode(raw, type=form)
    except msgspec.ValidationError as error:
        raise _strange(path) from error
    if isinstance(record, dict):  # of records the number is no field
        record.pop("schema", None)
    return record


class _Numbered(Struct, frozen=True):
    schema: int | None = None


def _fields(record: Struct) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def _strange(path: Path) -> AtlasError:
    return AtlasError(f"{path} doesn't have the form that this program reads: build it again")
