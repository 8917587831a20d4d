"""The sceptic's page: what an atlas supports and what it doesn't."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.faces import FACES
from atlas.data.names import NAMES
from atlas.data.plan import Plan
from atlas.data.telling import TELLING
from atlas.site.claims import FEWEST, Claim, Finding, LayerFound, claims
from atlas.site.render.base import Anchor, Crumb
from atlas.site.render.unit_table import known_of
from atlas.site.render.view import AtlasView

FILE, TITLE = "claims.html", "What this atlas supports, and what it does not"


@dataclass(frozen=True)
class FindingRow:
    """A layer's finding, with the link to the layer, and its verdict in words."""

    layer: Anchor
    finding: Finding
    verdict: str


@dataclass(frozen=True)
class ClaimPart:
    """A claim with where it stands on the page, and in which layers it is supported, in words."""

    id: str
    claim: Claim
    said: str
    rows: tuple[FindingRow, ...]


@dataclass(frozen=True)
class ClaimsPage:
    """What the page shows: a table of all claims by layer, then each claim."""

    title: str
    lead: str
    layers: tuple[Anchor, ...]
    claims: tuple[ClaimPart, ...]
    fewest: int


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML); nothing where no claim follows."""
    found = claims([_found(view, layer) for layer in view.layers])
    if not found:
        return
    page = view.page(FILE)
    layers = {
        layer: Anchor(layer, view.link(addresses.layer_page(layer), page)) for layer in view.layers
    }
    head = view.head(
        FILE,
        title=TITLE,
        description=f"What the figures of {view.title} support, and what they do not",
        crumbs=(Crumb("claims"),),
    )
    content = ClaimsPage(
        TITLE,
        _lead(found),
        tuple(layers.values()),
        tuple(
            ClaimPart(
                f"claim-{number}",
                claim,
                _said(claim),
                tuple(FindingRow(layers[f.layer], f, VERDICTS[f.holds]) for f in claim.findings),
            )
            for number, claim in enumerate(found, 1)
        ),
        FEWEST,
    )
    yield FILE, view.renderer.page("claims.html", head, content)


VERDICTS = {True: "supported", False: "not supported", None: "unknown"}


def _lead(found: list[Claim]) -> str:
    everywhere = [one for one in found if one.layers(True) and not one.layers(False)]
    nowhere = [one for one in found if one.layers(False) and not one.layers(True)]
    return (
        f"{len(found)} claims that one may make of these pictures: {len(everywhere)} of them the "
        f"figures support in every layer, {len(nowhere)} in none, the others in some."
    )


def _said(claim: Claim) -> str:
    supported, denied = claim.layers(True), claim.layers(False)
    if not denied:
        return "Supported in every layer that has figures."
    if not supported:
        return "Not supported in any layer."
    return f"Supported in {', '.join(supported)}; not in {', '.join(denied)}."


def _found(view: AtlasView, layer: str) -> LayerFound:
    return LayerFound(
        layer,
        known_of(view, layer),
        view.kept(NAMES, layer) if view.has(NAMES, layer) else None,
        view.kept(FACES, layer) if view.has(FACES, layer) else None,
        view.kept(TELLING, layer) if view.has(TELLING, layer) else None,
        view.layers[layer].image_free,
        view.atlas.images.different,
    )


def estimate(plan: Plan) -> int:
    """Bytes of the page."""
    return 9_000 + 2_600 * len(plan.layers) if plan.evidence else 0
