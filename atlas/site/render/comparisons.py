"""Two atlases of one architecture side by side, unit by unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlas.data import addresses
from atlas.errors import UsageError
from atlas.site import atlas_phrases
from atlas.site.render.base import Anchor, Crumb, Head, PageAddress, Steps
from atlas.site.render.picture_views import PictureViews, of_plates
from atlas.site.render.pictures import Card, card
from atlas.site.render.view import AtlasView


@dataclass(frozen=True)
class ComparedRow:
    """A unit or a layer in both atlases.

    ``link`` is None for a unit, which needs no heading; a card is None for a layer with no
    representative units.
    """

    link: Anchor | None
    cards: tuple[Card | None, Card | None]


@dataclass(frozen=True)
class ComparisonPage:
    """What a page of a comparison shows; ``atlases`` are the links to both."""

    heading: str
    facts: tuple[str, ...]
    atlases: tuple[Anchor, Anchor]
    views: PictureViews | None
    rows: tuple[ComparedRow, ...]


@dataclass(frozen=True)
class Comparison:
    """Two atlases to set side by side."""

    left: AtlasView
    right: AtlasView

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

    Raises ``UsageError`` for different architectures.
    """
    left, right = comparison.left, comparison.right
    for name, layer in left.layers.items():
        if name not in right.layers or right.layers[name].shape != layer.shape:
            raise UsageError(
                f"{left.name} and {right.name} can't be compared: they differ at layer {name}"
            )
    yield comparison.address, _overview(comparison)
    for name in left.layers:
        yield comparison.layer_address(name), _layer_page(comparison, name)


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
                (_first_card(left, name, page), _first_card(right, name, page)),
            )
            for name in left.layers
        ),
    )
    return left.renderer.page("comparison.html", head, content)


def _first_card(view: AtlasView, name: str, page: PageAddress) -> Card | None:
    """The card of a layer's first representative unit."""
    layer, representative = view.layers[name], view.representative(name)
    return card(view, layer, layer.unit(representative[0]), page=page) if representative else None


def _layer_page(comparison: Comparison, name: str) -> str:
    left, right = comparison.left, comparison.right
    page = PageAddress(comparison.layer_address(name))
    head = Head(
        address=page.address,
        title=(name, comparison.title),
        description=f"The units of {name} of {comparison.title} side by side",
        crumbs=(Crumb(comparison.title, comparison.address), Crumb(name)),
        steps=_steps(comparison, name, page),
    )
    rows = []
    for unit in left.layers[name].top:
        other = right.layers[name].find(unit.unit)
        if other is not None:
            cards = (
                card(left, left.layers[name], unit, page=page, own=True),
                card(right, right.layers[name], other, page=page, own=True),
            )
            rows.append(ComparedRow(None, cards))
    content = ComparisonPage(
        heading=name,
        facts=(),
        atlases=comparison.atlas_links(addresses.layer_page(name), page),
        views=comparison.views,
        rows=tuple(rows),
    )
    return left.renderer.page("comparison.html", head, content)


def _steps(comparison: Comparison, name: str, page: PageAddress) -> Steps:
    """The layers before and after a layer."""
    names = list(comparison.left.layers)
    place = names.index(name)

    def anchor(other: str) -> Anchor:
        return Anchor(other, page.to(comparison.layer_address(other)))

    return Steps(
        anchor(names[place - 1]) if place > 0 else None,
        anchor(names[place + 1]) if place + 1 < len(names) else None,
    )
