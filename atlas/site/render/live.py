"""The page on which the network itself runs, and the script that tells it all about the network."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from msgspec import structs

from atlas.data import addresses
from atlas.data.live import LIVE, Live
from atlas.data.records import LayerData, Unit
from atlas.drawing import lit
from atlas.site.own_files import TEMPLATES
from atlas.site.render.base import Crumb
from atlas.site.render.view import LIVE_PAGE, AtlasView

NETWORK = "live/network.js"
# the page compiles its kernel, and makes a worker and pictures of what it holds; it asks nobody
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src blob:; "
    "style-src 'self'; img-src 'self' data: blob:; media-src blob:; base-uri 'none'; "
    "form-action 'none'"
)


@dataclass(frozen=True)
class LivePage:
    """What the page shows before its script runs; ``size`` is what it loads."""

    size: str
    pictures: bool


def files(view: AtlasView) -> Iterator[tuple[str, str]]:
    """The page and its data: (address within the atlas, content); nothing where there is none."""
    if not view.has(LIVE):
        return
    live = view.document(LIVE).live
    if live is None:
        return
    content = LivePage(
        size=f"{live.size * 4 / 3e6:,.1f} MB",
        pictures=bool(live.pictures),
    )
    head = view.head(
        LIVE_PAGE,
        title="Live",
        description=f"{view.title}, running in this page: draw, choose or film a picture",
        crumbs=(Crumb("Live"),),
        policy=POLICY,
    )
    yield LIVE_PAGE, view.renderer.page("live.html", head, content)
    yield NETWORK, f"atlasLive.network({_said(view, live)});\n"


def _said(view: AtlasView, live: Live) -> str:
    """All that the page must know of the network and its units, as JSON."""
    preprocessing = view.atlas.preprocessing
    shown = [one for one in live.program.layers if one.id in view.layers]
    kernel = (TEMPLATES / "live-kernel.wasm").read_bytes()
    said = {
        "program": structs.replace(live.program, layers=tuple(shown)),
        "parts": live.parts,
        "half": live.half,
        "golden": [one for one in live.golden if one.layer in view.layers],
        "energy": live.energy,
        "kernel": base64.b64encode(kernel).decode(),
        "pictures": [label for _, label in live.pictures],
        "input": {
            "resize": preprocessing.resize,
            "crop": preprocessing.crop,
            "mean": preprocessing.mean,
            "std": preprocessing.std,
            "interpolation": preprocessing.interpolation,
            "mode": preprocessing.mode,
        },
        "images": view.atlas.images.different,
        "lamp": [lit.BLUR, lit.GAIN, lit.DARK],
        "layers": [_layer(view, view.layers[one.id]) for one in shown],
        "classes": live.classes,
    }
    return msgspec.json.encode(said).decode().replace("</", "<\\/")


def _layer(view: AtlasView, layer: LayerData) -> dict[str, object]:
    field = layer.receptive_field
    return {
        "id": layer.layer,
        "size": field.size,
        "stride": field.stride,
        "offset": field.offset,
        "units": [_unit(view, layer, unit) for unit in layer.top],
    }


def _unit(view: AtlasView, layer: LayerData, unit: Unit) -> list[object]:
    """A unit's number, name, small plate, and how many images reach each level of activation."""
    thumbnail = addresses.thumbnail_file(layer.layer, unit.unit)
    shown = thumbnail if unit.nine and (view.folder / thumbnail).is_file() else ""
    label = view.best_label(layer.layer, unit)
    name = view.called(layer.layer, unit.unit) or (label.name if label else "")
    return [unit.unit, name, shown, unit.levels[0], unit.levels[1]]
