"""The network written down for a page that runs it, with pictures to try it on."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from atlas.compute.stage import Stage
from atlas.data.documents import IMAGES
from atlas.data.live import LIVE, Live, LiveFacts, Program
from atlas.experiments.subjects import spread
from atlas.images.sources import label_of
from atlas.images.stimuli import stimuli
from atlas.live.golden import golden
from atlas.live.packing import half_error, packed, scripts
from atlas.live.program import NotLive, program_of
from atlas.networks.network import Network

if TYPE_CHECKING:
    from atlas.compute.run import Run

MOST_MACS = 6_000_000_000  # of a forward pass: two seconds in a browser without compiled kernels
MOST_BYTES = 16_000_000  # of the numbers, before they become text
PICTURES = 12
LOST = 2e-3  # what half precision may cost, as a share of a filter's largest number


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
    if settings.live == "off":
        raise NotLive("--live off")
    layers = network.choose(settings.layer_globs)
    program, tensors = program_of(network, layers)
    half = half_error(tensors) <= LOST
    content = packed(tensors, half=half)
    macs = _macs(program)
    if settings.live == "auto":
        if len(content) > MOST_BYTES:
            raise NotLive(
                f"its weights take {len(content) / 1e6:,.0f} MB, more than the "
                f"{MOST_BYTES / 1e6:,.0f} that a page should load (--live on makes it anyway)"
            )
        if macs > MOST_MACS:
            raise NotLive(
                f"a forward pass takes {macs / 1e9:,.1f} thousand million multiplications, more "
                f"than the {MOST_MACS / 1e9:,.0f} that a page can do (--live on makes it anyway)"
            )
    folder = run.folder / "live"
    folder.mkdir(parents=True, exist_ok=True)
    parts = 0
    for number, script in enumerate(scripts(content)):
        (folder / f"weights-{number}.js").write_text(script)
        parts = number + 1
    expected, energy = golden(network, layers)
    pictures = _pictures(run) if settings.pictures else ()
    return Live(
        program, parts, len(content), half, macs, expected, energy, pictures, _classes(network)
    )


def _classes(network: Network) -> tuple[str, ...]:
    """What the scores are of, if it is known."""
    node = network.scores
    known = node is not None and network.graph.shapes[node] == (len(network.classes),)
    return network.classes if known else ()


def _macs(program: Program) -> int:
    return sum(
        step.shape[1] * step.shape[2] * int(np.prod(program.sizes[step.weight]))
        for step in program.steps
        if step.weight is not None
    )


def _pictures(run: Run) -> tuple[tuple[int, str], ...]:
    """Write some stimuli, of different classes, as a script; returns their images and classes."""
    usable = run.read(IMAGES).usable
    by_class: dict[str, list[int]] = {}
    for index in usable:
        by_class.setdefault(label_of(run.images, index) or "", []).append(index)
    groups = [by_class[label] for label in sorted(by_class)]
    if len(groups) == 1:
        chosen = [groups[0][i * len(usable) // PICTURES] for i in range(min(PICTURES, len(usable)))]
    else:
        chosen = [group[0] for group in spread(groups, PICTURES)]
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
)
