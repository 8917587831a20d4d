"""The sceptic's page: what an atlas supports and what it doesn't."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlas.data import addresses
from atlas.data.faces import FACES
from atlas.data.names import NAMES
from atlas.data.plan import Plan
from atlas.data.telling import TELLING
from atlas.site.claims import Claim, LayerFound, claims
from atlas.site.render.base import Anchor, Crumb, PageAddress
from atlas.site.render.unit_table import known_of
from atlas.site.render.view import AtlasView

FILE, TITLE = "claims.html", "What this atlas supports, and what not"


@dataclass(frozen=True)
class ClaimLine:
    """A claim with the link to its layer, if it is about one."""

    claim: Claim
    layer: Anchor | None


@dataclass(frozen=True)
class ClaimsPage:
    """What the page shows."""

    title: str
    lead: str
    supported: tuple[ClaimLine, ...]
    others: tuple[ClaimLine, ...]


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page: (address within the atlas, HTML); nothing where no claim follows."""
    found = claims([_found(view, layer) for layer in view.layers])
    if not found:
        return
    page = view.page(FILE)
    lines = [_line(view, claim, page) for claim in found]
    supported = tuple(line for line in lines if line.claim.holds)
    others = tuple(line for line in lines if not line.claim.holds)
    head = view.head(
        FILE,
        title=TITLE,
        description=f"What the figures of {view.title} support, and what they don't",
        crumbs=(Crumb("claims"),),
    )
    lead = (
        f"{len(supported)} of {len(found)} claims that one may make of these pictures are "
        "supported by its figures. Each is decided by a figure and a limit that stand here."
    )
    content = ClaimsPage(TITLE, lead, supported, others)
    yield FILE, view.renderer.page("claims.html", head, content)


def _found(view: AtlasView, layer: str) -> LayerFound:
    return LayerFound(
        layer,
        known_of(view, layer),
        view.kept(NAMES, layer) if view.has(NAMES, layer) else None,
        view.kept(FACES, layer) if view.has(FACES, layer) else None,
        view.kept(TELLING, layer) if view.has(TELLING, layer) else None,
        view.layers[layer].image_free,
    )


def _line(view: AtlasView, claim: Claim, page: PageAddress) -> ClaimLine:
    if not claim.layer:
        return ClaimLine(claim, None)
    return ClaimLine(claim, Anchor(claim.layer, view.link(addresses.layer_page(claim.layer), page)))


def estimate(plan: Plan) -> int:
    """Bytes of the page."""
    return 6_000 + 1_600 * len(plan.layers) if plan.evidence else 0
