"""Two atlases side by side: units of the same number, or those that activations match."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from atlas.data import addresses
from atlas.errors import UsageError
from atlas.site import atlas_phrases
from atlas.site.matching import Matches, check_images, matches
from atlas.site.render.base import Anchor, Crumb, Head, PageAddress, Steps
from atlas.site.render.picture_views import PictureViews, of_plates
from atlas.site.render.pictures import Card, card
from atlas.site.render.view import AtlasView


@dataclass(frozen=True)
class ComparedRow:
    """A unit or a layer in both atlases.

    ``link`` is None for a unit, which needs no heading; a card is None for a layer with no
    representative units. ``said`` is how alike they are, "" where units aren't matched.
    """

    link: Anchor | None
    cards: tuple[Card | None, Card | None]
    said: str = ""


@dataclass(frozen=True)
class ComparisonPage:
    """What a page of a comparison shows; ``atlases`` are the links to both.

    ``matched`` says whether units are matched by what activates them.
    """

    heading: str
    facts: tuple[str, ...]
    atlases: tuple[Anchor, Anchor]
    views: PictureViews | None
    rows: tuple[ComparedRow, ...]
    matched: bool


@dataclass(frozen=True)
class Comparison:
    """Two atlases to set side by side; ``match`` says whether units are matched."""

    left: AtlasView
    right: AtlasView
    match: bool = False

    @functools.cached_property
    def layers(self) -> tuple[str, ...]:
        """The layers that both have."""
        return tuple(name for name in self.left.layers if name in self.right.layers)

    @functools.cached_property
    def matches(self) -> Mapping[str, Matches]:
        """The matches of each layer; of none where units aren't matched."""
        names = self.layers if self.match else ()
        found = {name: matches(self.left, self.right, name) for name in names}
        return {name: one for name, one in found.items() if one is not None}

    @property
    def folder(self) -> str:
        """Where its pages stand, from the site's root."""
        return f"compare/{self.left.name}--{self.right.name}"

    @property
    def views(self) -> PictureViews | None:
        """The views of its plates."""
        return of_plates(patches=self.left.atlas.pictures or self.right.atlas.pictures)

    @property
    def address(self) -> str:
        """Its first page, from the site's root."""
        return f"{self.folder}/index.html"

    @property
    def title(self) -> str:
        """Its name."""
        return f"{self.left.name} and {self.right.name}"

    def layer_address(self, layer: str) -> str:
        """The page of a layer, from the site's root."""
        return f"{self.folder}/{addresses.layer_page(layer)}"

    def atlas_links(self, file: str, page: PageAddress) -> tuple[Anchor, Anchor]:
        """The links to a file of both atlases."""
        return (
            Anchor(self.left.name, self.left.link(file, page)),
            Anchor(self.right.name, self.right.link(file, page)),
        )


def files(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """All pages of a comparison: (address from the site's root, HTML).

    Raises ``UsageError`` for different architectures; where units are matched, for different
    images.
    """
    _check(comparison)
    yield comparison.address, _overview(comparison)
    for name in comparison.layers:
        yield comparison.layer_address(name), _layer_page(comparison, name)


def _check(comparison: Comparison) -> None:
    left, right = comparison.left, comparison.right
    if comparison.match:
        check_images(left, right)
        if not comparison.layers:
            raise UsageError(
                f"{left.name} and {right.name} can't be matched: no layer has one name in both"
            )
        return
    for name, layer in left.layers.items():
        if name not in right.layers or right.layers[name].shape != layer.shape:
            raise UsageError(
                f"{left.name} and {right.name} can't be compared: they differ at layer {name}"
            )


def _overview(comparison: Comparison) -> str:
    left, right = comparison.left, comparison.right
    page = PageAddress(comparison.address)
    head = Head(
        address=page.address,
        title=(comparison.title,),
        description=f"{comparison.title} side by side",
        crumbs=(Crumb(comparison.title),),
    )
    content = ComparisonPage(
        heading=comparison.title,
        facts=(atlas_phrases.atlas_lead(left.atlas), atlas_phrases.atlas_lead(right.atlas)),
        atlases=comparison.atlas_links("index.html", page),
        views=comparison.views,
        rows=tuple(
            ComparedRow(
                Anchor(name, page.to(comparison.layer_address(name))),
                _first_cards(comparison, name, page),
                _said_of_layer(comparison, name),
            )
            for name in comparison.layers
        ),
        matched=comparison.match,
    )
    return left.renderer.page("comparison.html", head, content)


def _first_cards(
    comparison: Comparison, name: str, page: PageAddress
) -> tuple[Card | None, Card | None]:
    """The cards of a layer's first representative unit in both; of it and its match."""
    left, right = comparison.left, comparison.right
    if name in comparison.matches:
        first = left.representative(name)[:1]
        for own, other, _ in comparison.matches[name].pairs:
            if own in first:
                return _card(left, name, own, page), _card(right, name, other, page)
    return _first_card(left, name, page), _first_card(right, name, page)


def _first_card(view: AtlasView, name: str, page: PageAddress) -> Card | None:
    representative = view.representative(name)
    return _card(view, name, representative[0], page) if representative else None


def _card(view: AtlasView, name: str, unit: int, page: PageAddress, own: bool = False) -> Card:
    layer = view.layers[name]
    return card(view, layer, layer.unit(unit), page=page, own=own)


def _said_of_layer(comparison: Comparison, name: str) -> str:
    found = comparison.matches.get(name)
    if found is None:
        return ""
    return (
        f"Matched units correlate at {_signed(found.mean)} on average; by chance the best matches "
        f"would correlate at {_signed(found.by_chance)}."
    )


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _rows(comparison: Comparison, name: str, page: PageAddress) -> Iterator[ComparedRow]:
    """The units of a layer: matched ones, the most alike first, or those of the same number."""
    left, right = comparison.left, comparison.right
    found = comparison.matches.get(name)
    if found is not None:
        pairs = [(own, other, f"Correlation {_signed(r)}") for own, other, r in found.pairs]
    else:
        both = right.layers[name]
        units = [one.unit for one in left.layers[name].top]
        pairs = [(unit, unit, "") for unit in units if both.find(unit) is not None]
    for own, other, said in pairs:
        cards = (
            _card(left, name, own, page, own=True),
            _card(right, name, other, page, own=True),
        )
        yield ComparedRow(None, cards, said)


def _layer_page(comparison: Comparison, name: str) -> str:
    page = PageAddress(comparison.layer_address(name))
    head = Head(
        address=page.address,
        title=(name, comparison.title),
        description=f"The units of {name} of {comparison.title} side by side",
        crumbs=(Crumb(comparison.title, comparison.address), Crumb(name)),
        steps=_steps(comparison, name, page),
    )
    content = ComparisonPage(
        heading=name,
        facts=tuple(filter(None, [_said_of_layer(comparison, name)])),
        atlases=comparison.atlas_links(addresses.layer_page(name), page),
        views=comparison.views,
        rows=tuple(_rows(comparison, name, page)),
        matched=name in comparison.matches,
    )
    return comparison.left.renderer.page("comparison.html", head, content)


def _steps(comparison: Comparison, name: str, page: PageAddress) -> Steps:
    """The layers before and after a layer."""
    names = comparison.layers
    place = names.index(name)

    def anchor(other: str) -> Anchor:
        return Anchor(other, page.to(comparison.layer_address(other)))

    return Steps(
        anchor(names[place - 1]) if place > 0 else None,
        anchor(names[place + 1]) if place + 1 < len(names) else None,
    )
