"""The circuit of a unit: the units that contribute most to it, and those that do to them.

One picture in three columns, from left to right as signals go: in the column on the right the unit,
in the middle its strongest feeders, on the left theirs. Lengths are in the units of the picture's
view box, which is as wide as a telephone is in CSS pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from atlas.data import addresses
from atlas.data.records import Feeder, LayerData, Sums, Unit
from atlas.drawing import pixels
from atlas.site import phrases
from atlas.site.render.base import PageAddress
from atlas.site.render.view import AtlasView

FIRST, SECOND = 4, 8  # nodes in the middle, and on the left, at most
MOST = 4  # feeders of one node on the left, at most
WIDTH = 360
MIDDLES = (50, 180, 310)  # of the columns
SIDE, OWN_SIDE = 56, 88  # of a node's picture, and of the unit's own
LABEL, GAP = 28, 5  # the height of a label of two lines, and what is free below it
THICKEST, THINNEST = 8.0, 1.5
LETTERS = 17  # of a label, at most

Name = tuple[str, int]  # of a unit: its layer and number


@dataclass(frozen=True)
class Placed:
    """A node's picture: its top left corner and its side, in whole steps."""

    x: int
    y: int
    side: int

    @property
    def middle(self) -> float:
        """The height of its middle."""
        return self.y + self.side / 2


@dataclass(frozen=True)
class Layout:
    """Where the nodes of each column stand, from left to right, and how high the picture is."""

    columns: tuple[Mapping[Name, Placed], ...]
    height: float


@dataclass(frozen=True)
class Node:
    """A unit in the picture; ``page`` and ``source`` are "" where it has no page, or no picture.

    ``label`` is its name as far as there is room, ``called`` what it is best called, "" where
    nothing speaks for a name.
    """

    place: Placed
    label: str
    called: str
    name: str
    page: str
    source: str
    crisp: bool

    @property
    def label_at(self) -> tuple[int, int]:
        """Where the middle of its label's line begins."""
        return self.place.x + self.place.side // 2, self.place.y + self.place.side + 11


@dataclass(frozen=True)
class Edge:
    """A contribution in the picture; ``thickness`` grows with it."""

    path: str
    thickness: float
    negative: bool


@dataclass(frozen=True)
class Part:
    """What one unit below contributes, in words.

    ``page`` is "" where it has none, and where the picture has the link.
    """

    name: str
    page: str
    amount: str
    negative: bool
    share: str


@dataclass(frozen=True)
class Whole:
    """A unit's mean pre-activation as a sum: its feeders, then what else there is to it."""

    name: str
    whole: str
    parts: tuple[Part, ...]
    remainder: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Circuit:
    """A unit's circuit; ``sums`` says the same in numbers, the unit's own first.

    ``nodes`` is empty where pictures of circuits aren't kept. ``drawn`` says how much of the unit's
    pre-activation those that are drawn contribute.
    """

    width: int
    height: float
    label: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    sums: tuple[Whole, ...]
    drawn: str


@dataclass(frozen=True)
class Chosen:
    """The nodes and edges to be drawn: for each column's units, those that feed them."""

    unit: Name
    first: Sequence[Feeder]
    second: Mapping[Name, Sequence[Feeder]] = field(default_factory=dict)


def circuit(view: AtlasView, layer: LayerData, unit: Unit, page: PageAddress) -> Circuit | None:
    """The circuit of a unit, as it stands on a page; None where no unit is known to feed it."""
    if unit.sums is None or not unit.sums.feeders:
        return None
    name = (layer.layer, unit.unit)
    chosen = choose(name, unit.sums, lambda one: _sums_of(view, one))
    placed = layout(chosen)
    own, middle, left = placed.columns[::-1]
    nodes = [_node(view, one, at, page) for column in placed.columns for one, at in column.items()]
    edges = list(_edges(chosen.first, middle, own[name]))
    for one, feeders in chosen.second.items():
        edges += _edges(feeders, left, middle[one])
    drawn = view.atlas.keeps("circuits")
    if not drawn:
        nodes, edges = [], []
    first = len(chosen.first) if drawn else 0
    sums = [_whole(view, name, unit.sums, unit.sums.feeders, page, drawn=first)]
    for one, feeders in chosen.second.items():
        known = _sums_of(view, one)
        assert known is not None
        sums.append(_whole(view, one, known, feeders, page, drawn=len(feeders) if drawn else 0))
    title = f"{layer.layer}/{unit.unit}"
    return Circuit(
        width=WIDTH,
        height=placed.height,
        label=f"The units that feed {title}, and those that feed them",
        nodes=tuple(nodes),
        edges=tuple(edges),
        sums=tuple(sums),
        drawn=_drawn(chosen.first, unit.sums),
    )


def _drawn(feeders: Sequence[Feeder], sums: Sums) -> str:
    """How much of a unit's pre-activation those that are drawn contribute, in a sentence."""
    total = signed(sum(amount for _, _, amount, _ in feeders))
    few = (
        "The one that is drawn contributes"
        if len(feeders) == 1
        else (f"The {len(feeders)} that are drawn contribute")
    )
    return f"{few} {total} of {phrases.activation(sums.whole)}."


def choose(unit: Name, sums: Sums, sums_of: Callable[[Name], Sums | None]) -> Chosen:
    """The units that are drawn: the strongest feeders of a unit, and the strongest of each.

    The strongest that takes away from the unit is among its own, be others ever so strong.
    """
    first = sums.feeders[:FIRST]
    takes = [feeder for feeder in sums.feeders if feeder[2] < 0]
    if takes and not any(amount < 0 for _, _, amount, _ in first):
        first = (*first[: FIRST - 1], takes[0])
    each = min(MOST, SECOND // len(first))
    second = {}
    for layer, number, *_ in first:
        below = sums_of((layer, number))
        if below and below.feeders:
            second[layer, number] = below.feeders[:each]
    return Chosen(unit, first, second)


def layout(chosen: Chosen) -> Layout:
    """Place the nodes: each column in the middle of the picture's height, without overlaps.

    A unit on the left that feeds several in the middle stands there once, near them.
    """
    middle = [(layer, number) for layer, number, *_ in chosen.first]
    fed: dict[Name, list[int]] = {}
    for place, one in enumerate(middle):
        for layer, number, *_ in chosen.second.get(one, ()):
            fed.setdefault((layer, number), []).append(place)
    left = sorted(fed, key=lambda name: sum(fed[name]) / len(fed[name]))
    pitch = SIDE + LABEL + GAP
    height = max(pitch * max(len(middle), len(left)), OWN_SIDE + LABEL + GAP) - GAP
    columns = (
        _column(left, MIDDLES[0], SIDE, height),
        _column(middle, MIDDLES[1], SIDE, height),
        _column([chosen.unit], MIDDLES[2], OWN_SIDE, height),
    )
    return Layout(columns, height)


def _column(names: Sequence[Name], middle: int, side: int, height: float) -> dict[Name, Placed]:
    """A column of nodes, spread over the height."""
    room = height / max(len(names), 1)
    top = (room - side - LABEL) / 2
    return {
        name: Placed(middle - side // 2, round(place * room + top), side)
        for place, name in enumerate(names)
    }


def _edges(feeders: Sequence[Feeder], below: Mapping[Name, Placed], to: Placed) -> Iterable[Edge]:
    """The edges from feeders to the node that they feed, the thinnest last."""
    most = max(abs(amount) for _, _, amount, _ in feeders)
    for layer, number, amount, _ in feeders:
        start = below[layer, number]
        x, end = start.x + start.side, to.x
        bend = round((x + end) / 2)
        yield Edge(
            path=f"M{x:g} {start.middle:g}C{bend} {start.middle:g} {bend} {to.middle:g} "
            f"{end:g} {to.middle:g}",
            thickness=round(max(THINNEST, THICKEST * abs(amount) / most), 1),
            negative=amount < 0,
        )


def _find(view: AtlasView, name: Name) -> Unit | None:
    layer = view.layers.get(name[0])
    return layer.find(name[1]) if layer else None


def _sums_of(view: AtlasView, name: Name) -> Sums | None:
    unit = _find(view, name)
    return unit.sums if unit else None


def _page_of(view: AtlasView, name: Name, page: PageAddress) -> str:
    """The link to a unit's page; "" for one that isn't shown, and for the page's own."""
    address = addresses.unit_page(*name)
    own = view.address(address) == page.address
    return view.link(address, page) if _find(view, name) and not own else ""


def _node(view: AtlasView, name: Name, place: Placed, page: PageAddress) -> Node:
    unit, source, crisp = _find(view, name), "", False
    if unit and unit.nine:
        source = view.small_plate(*name, page)
        crisp = pixels.is_crisp(view.layers[name[0]].shown)
    full, best = f"{name[0]}/{name[1]}", view.best_label(name[0], unit) if unit else None
    label = full if len(full) <= LETTERS else f"…{full[1 - LETTERS :]}"
    called = phrases.quoted(view.called(*name)) or (best.name if best else "")
    if len(called) > LETTERS:
        called = f"{called[: LETTERS - 1]}…"
    return Node(place, label, called, full, _page_of(view, name, page), source, crisp)


def _whole(
    view: AtlasView,
    name: Name,
    sums: Sums,
    feeders: Sequence[Feeder],
    page: PageAddress,
    *,
    drawn: int,
) -> Whole:
    """A unit's sum in words: all of it where all its feeders are told, or else its feeders.

    The first ``drawn`` of them stand in the picture.
    """
    remainder = []
    if feeders == sums.feeders:
        for text, amount in (
            ("all other units below", sums.others),
            ("what is no unit, such as the image", sums.rest),
            ("bias", sums.bias),
        ):
            if amount:
                remainder.append((text, signed(amount)))
    return Whole(
        name=f"{name[0]}/{name[1]}",
        whole=phrases.activation(sums.whole),
        parts=tuple(
            Part(
                name=f"{layer}/{number}",
                page="" if place < drawn else _page_of(view, (layer, number), page),
                amount=signed(amount),
                negative=amount < 0,
                share=phrases.weight_share(share),
            )
            for place, (layer, number, amount, share) in enumerate(feeders)
        ),
        remainder=tuple(remainder),
    )


def signed(amount: float) -> str:
    """An amount with its sign and three significant digits."""
    return f"{'−' if amount < 0 else '+'}{phrases.activation(abs(amount))}"
