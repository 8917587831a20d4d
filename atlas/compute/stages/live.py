"""The network written down for a page that runs it, with pictures to try it on."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

from PIL import Image

from atlas.compute.stage import Stage
from atlas.data import estimates
from atlas.data.documents import IMAGES
from atlas.data.live import LIVE, LIVE_PICTURES, Live, LiveFacts
from atlas.experiments.subjects import spread
from atlas.images.sources import label_of
from atlas.images.stimuli import stimuli
from atlas.live.golden import golden
from atlas.live.packing import packed, scripts
from atlas.live.program import NotLive
from atlas.live.runnable import runnable
from atlas.networks.network import Network

if TYPE_CHECKING:
    from atlas.compute.run import Run


def run(run: Run) -> None:
    """Write it, or the reason why there is none."""
    if not run.leads:
        return
    try:
        facts = LiveFacts(_live(run))
    except NotLive as reason:
        facts = LiveFacts(None, str(reason))
    run.write(LIVE, facts)


def _live(run: Run) -> Live:
    network, settings = run.network, run.settings
    layers = network.choose(settings.layer_globs)
    found = runnable(network, layers, live=settings.live)
    folder = run.folder / "live"
    folder.mkdir(parents=True, exist_ok=True)
    parts = 0
    for number, script in enumerate(scripts(packed(found.tensors, half=found.half))):
        (folder / f"weights-{number}.js").write_text(script)
        parts = number + 1
    expected, energy = golden(network, layers)
    pictures = _pictures(run) if settings.pictures else ()
    return Live(
        found.program, parts, found.size, found.half, found.macs,
        expected, energy, pictures, _classes(network),
    )  # fmt: skip


def _classes(network: Network) -> tuple[str, ...]:
    """What the scores are of, if it is known."""
    node = network.scores
    known = node is not None and network.graph.shapes[node] == (len(network.classes),)
    return network.classes if known else ()


def _pictures(run: Run) -> tuple[tuple[int, str], ...]:
    """Write some stimuli, of different classes, as a script; returns their images and classes."""
    usable = run.read(IMAGES).usable
    by_class: dict[str, list[int]] = {}
    for index in usable:
        by_class.setdefault(label_of(run.images, index) or "", []).append(index)
    groups = [by_class[label] for label in sorted(by_class)]
    if len(groups) == 1:
        count = min(LIVE_PICTURES, len(usable))
        chosen = [groups[0][i * len(usable) // LIVE_PICTURES] for i in range(count)]
    else:
        chosen = [group[0] for group in spread(groups, LIVE_PICTURES)]
    source = stimuli(run.images, run.network.preprocessing, chosen, cache=run.cache, again=True)
    texts = []
    for stimulus in source:
        pixels = stimulus.pixels
        picture = Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[..., 0])
        file = io.BytesIO()
        picture.save(file, "WEBP", lossless=True, method=4)
        texts.append("data:image/webp;base64," + base64.b64encode(file.getvalue()).decode())
    (run.folder / "live" / "pictures.js").write_text(f"atlasLive.pictures({json.dumps(texts)});\n")
    return tuple((index, label_of(run.images, index) or "") for index in chosen)


STAGE = Stage(
    "live",
    run,
    (LIVE,),
    needs=("scan",),
    inputs=("network", "images"),
    settings=("layers", "live", "images_policy"),
    files=("live/weights-*.js", "live/pictures.js"),
    estimate=estimates.live,
)
