"""What an atlas costs, measured against the plain forward pass and Captum, in one run.

``python benchmarks/speed.py`` prints a table, and writes it as JSON with ``--json FILE``. Every
ratio is the median over interleaved repeats; seconds
depend on the machine, ratios hardly. ``--parts`` runs some of ``scan``, ``reconstruct``, ``pages``,
``memory`` and ``build``; ``--small`` runs all of it small, to see that it runs. ``--device cuda``
measures instead what the model of a GPU build in ``docs/scaling.md`` asks for.

- **scan**: images a second through a network's convolutional part with the top nine of every unit
  kept, as a share of the best plain ``inference_mode`` forward (of batches of 8, 16 and 32, in
  both memory formats). Both start from decoded stimuli, and take turns with 128 at a time: given
  are the median of these turns, and between what the middle half of them lies.
- **reconstruct**: reconstructions a second by layer, in windows and in batches, as a multiple of
  Captum's ``NeuronDeconvolution`` called once for each, as its users call it, and of the same
  descent on whole tensors in batches.
- **pages**: plates encoded and pages rendered a second.
- **memory**: peak memory of a scan of N and of ten times N images.
- **build**: everything from pictures to a finished site, as a multiple of decoding them once and
  running the plain forward twice.
"""

from __future__ import annotations

import argparse
import copy
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as build.py does

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import atlas
from atlas.data.documents import read_atlas
from atlas.data.geometry import Box
from atlas.drawing import pixels
from atlas.images.sources import DemoImages, open_folder
from atlas.images.stimuli import Stimulus, stimuli
from atlas.networks.batching import BATCH, CPU_SLOTS, Running, slots_of
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.reconstruction.deconvnet import one_hot_signal, project_back
from atlas.reconstruction.projection import Recording
from atlas.reconstruction.recording import record
from atlas.reconstruction.windows import Window, whole
from atlas.runtime.checkpoint import Checkpoint
from atlas.runtime.memory import keep_freed_memory
from atlas.scanning import topk
from atlas.scanning.forward import Forward, prepared
from atlas.scanning.on_device import Part, Tally
from atlas.scanning.scan import ROUND, first_pass, included, joins, tallied
from atlas.site.pages import PAGES
from atlas.site.render.base import Renderer
from atlas.site.render.view import AtlasView

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("scan", "reconstruct", "pages", "memory", "build")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", nargs="+", default=["alexnet", "squeezenet1_1", "resnet18"])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--images", help="a folder of photographs (default: the demo world)")
    parser.add_argument("--count", type=int, default=512, help="images to scan in one repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the model of a GPU build")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)  # for the part of its own
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    keep_freed_memory()
    if options.peak:
        print(_peak(options.peak[0], int(options.peak[1]), workers=0 if options.small else 2))
        return 0
    if options.device != "cpu":
        return _on_device(options)
    if options.small:
        options.models, options.count, options.repeats = ["demo"], 16, 1
    found: dict[str, Any] = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    for part in options.parts:
        print(f"\n{part}", flush=True)
        found[part] = globals()[f"_{part}"](options)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def _on_device(options: argparse.Namespace) -> int:
    """A launch, a byte and a multiplication on a device, and the scan that they should foretell."""
    if options.device != "cuda" or not torch.cuda.is_available():
        print(f"nothing measured: this machine has no {options.device} device that torch can use")
        return 0
    print(torch.cuda.get_device_name())
    small = torch.zeros(1, device="cuda")
    host = torch.zeros(1 << 26, dtype=torch.uint8).pin_memory()

    def timed(work: Callable[[], object]) -> float:
        work()
        torch.cuda.synchronize()
        begun = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - begun

    launch = timed(lambda: [small.add_(1) for _ in range(10_000)]) / 10_000
    copied = len(host) / timed(lambda: host.to("cuda", non_blocking=True))
    facts: dict[str, Any] = {"µs a launch": launch * 1e6, "GB/s up": copied / 1e9}
    _line("device", facts)
    for name in options.models:
        network = atlas.load_network(name, "none", device="cuda")
        images = _pictures(options, options.count)
        some = list(stimuli(images, network.preprocessing, range(len(images)), workers=2))
        batch = np.stack([one.pixels for one in some[:BATCH]])
        inputs = network.inputs(batch)
        with torch.inference_mode():
            forward = timed(lambda module=network.module, x=inputs: module(x)) / len(batch)
        layers = network.choose()
        prepared_ = prepared(network.graph, [layer.node for layer in layers], BATCH)
        parts = {layer.id: Part(layer.units, layer.shape[2]) for layer in layers}
        tally = Tally(parts, network.device, statistics=True)

        def scan(
            some: list[Stimulus] = some,
            tally: Tally = tally,
            network: Network = network,
            prepared_: Forward = prepared_,
        ) -> None:
            for first in range(0, len(some), ROUND * BATCH):
                part = some[first : first + ROUND * BATCH]
                tallied(tally, part, network=network, forward=prepared_)

        seconds = timed(scan) / len(some)
        _line(name, {"images/s": 1 / seconds, "forward alone": 1 / forward})
    return 0


def _pictures(options: argparse.Namespace, count: int) -> Any:
    folder = options.images and open_folder(Path(options.images), count)
    return folder or DemoImages(count)


def _line(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    shown = (f"{k} {v:,.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in facts.items())
    print(f"  {name:34} {'  '.join(shown)}", flush=True)
    return facts


def _interleaved(repeats: int, *functions: Callable[[], object]) -> np.ndarray:
    """Seconds of every function in every repeat, ``[repeats, functions]``, after one to warm up."""
    seconds = []
    for repeat in range(repeats + 1):
        row = []
        for function in functions:
            begun = time.perf_counter()
            function()
            row.append(time.perf_counter() - begun)
        if repeat:
            seconds.append(row)
    return np.array(seconds)


def _convolutional(network: Network) -> tuple[torch.nn.Module, list[Layer]]:
    """The convolutional part of a torchvision model as a module, and its layers."""
    children = dict(network.module.named_children())
    if "features" in children:
        part, name = children["features"], "features"
        layers = [x for x in network.layers.values() if x.module.split(".")[0] == name]
    else:
        kept = [(n, c) for n, c in children.items() if not isinstance(c, torch.nn.Linear)]
        kept = [(n, c) for n, c in kept if not isinstance(c, torch.nn.AdaptiveAvgPool2d)]
        part = torch.nn.Sequential(*(c for _, c in kept))
        layers = [x for x in network.layers.values() if x.kind != "linear"]
    return part, layers


def _plain(
    network: Network, stimuli_: np.ndarray, repeats: int
) -> tuple[str, Callable[[slice], None]]:
    """The fastest plain forward of the convolutional part over stimuli, and what it is."""
    part, _ = _convolutional(network)

    def forward(module: torch.nn.Module, batch: int, last: bool) -> Callable[[slice], None]:
        def run(stretch: slice) -> None:
            some = stimuli_[stretch]
            with torch.inference_mode():
                for first in range(0, len(some), batch):
                    inputs = network.inputs(some[first : first + batch])
                    module(inputs if last else inputs.contiguous())

        return run

    candidates = {}
    for last in (True, False):
        layout = torch.channels_last if last else torch.contiguous_format
        module = copy.deepcopy(part).to(memory_format=layout)
        for batch in (8, 16, 32):
            candidates[f"{'channels-last' if last else 'default'} {batch}"] = forward(
                module, batch, last
            )
    few = [functools.partial(run, slice(0, 4 * 32)) for run in candidates.values()]
    seconds = np.median(_interleaved(min(repeats, 3), *few), 0)
    best = list(candidates)[int(seconds.argmin())]
    return best, candidates[best]


def _scan(options: argparse.Namespace) -> dict[str, Any]:
    found = {}
    for name in options.models:
        network = atlas.load_network(name, "none")
        images = _pictures(options, options.count)
        some = list(stimuli(images, network.preprocessing, range(len(images)), workers=2))
        some = [Stimulus(index, one.pixels) for index, one in enumerate(some)]
        best, plain = _plain(network, np.stack([one.pixels for one in some]), options.repeats)
        _, layers = _convolutional(network)

        joined = joins(network, layers)
        counted = [layer for layer in layers if layer.id not in joined]
        forward = prepared(network.graph, [layer.node for layer in counted], CPU_SLOTS)
        step, seconds = ROUND * CPU_SLOTS, []
        for repeat in range(options.repeats + 1):
            records = {layer.id: topk.empty(layer.units) for layer in counted}
            for first in range(0, len(some), step):  # by turns, a stretch each
                begun = time.perf_counter()
                plain(slice(first, first + step))
                between = time.perf_counter()
                part = some[first : first + step]
                records = included(records, part, network=network, forward=forward)
                if repeat:  # the first is to warm up
                    seconds.append((between - begun, time.perf_counter() - between))
        ratios = np.divide(*np.array(seconds).T)
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        facts = {"images/s": options.repeats * len(some) / float(np.sum(seconds, 0)[1])}
        facts |= {"ratio": middle, "from": low, "to": high, "of": best}
        found[name] = _line(name, facts)
    return found


def _reconstruct(options: argparse.Namespace) -> dict[str, Any]:
    found = {}
    for name in options.models:
        network = atlas.load_network(name, "none")
        for module in network.module.modules():
            if isinstance(module, torch.nn.ReLU):
                module.inplace = False
        _, layers = _convolutional(network)
        layers = [layer for layer in layers if layer.kind == "convolution"]
        images = _pictures(options, 16)
        some = [s.pixels for s in stimuli(images, network.preprocessing, range(len(images)))]
        inputs = network.inputs(np.stack(some))
        nodes = [layer.node for layer in layers]
        begun = time.perf_counter()
        recording = record(network.graph, inputs, nodes, "deconvnet")
        forward = (time.perf_counter() - begun) / len(inputs)
        totals = np.zeros(3)
        for layer in layers:
            count, repeats = (8, 1) if options.small else (64, min(options.repeats, 3))
            seconds = _descents(network, layer, inputs, recording, count=count, repeats=repeats)
            totals += np.median(seconds, 0) * layer.units
            found[f"{name} {layer.id}"] = _line(
                f"{name} {layer.id}",
                {
                    "per s": float(1 / np.median(seconds[:, 0])),
                    "÷ whole tensors": float(np.median(seconds[:, 1] / seconds[:, 0])),
                    "÷ Captum": float(np.median(seconds[:, 2] / seconds[:, 0])),
                },
            )
        found[name] = _line(
            f"{name}, all units alike",
            {
                "÷ Captum": float(totals[2] / totals[0]),
                "÷ whole tensors": float(totals[1] / totals[0]),
                "ms an image to record": forward * 1e3,
            },
        )
    return found


def _descents(
    network: Network,
    layer: Layer,
    inputs: torch.Tensor,
    recording: Recording,
    *,
    count: int,
    repeats: int,
) -> np.ndarray:
    """Seconds a reconstruction: in windows, on whole tensors, and Captum's, ``[repeats, 3]``."""
    from captum.attr import NeuronDeconvolution

    of = torch.arange(count) % len(inputs)
    unit = torch.arange(count) * 7 % layer.units
    maps = layer.maps(recording.activations[layer.node])[of, unit].flatten(1)
    place = maps.argmax(1)
    position = torch.stack([place // layer.shape[2], place % layer.shape[2]], 1)
    signal = one_hot_signal(layer, maps.amax(1), units=unit, positions=position)
    full = Window(whole(signal, network.graph.shapes[layer.node]).values)
    method = NeuronDeconvolution(network.module, network.module.get_submodule(layer.module))

    usual = inputs.contiguous()  # nobody hands Captum a channels-last tensor

    def captum() -> None:
        for i in range(2):
            where = (int(unit[i]), int(position[i, 0]), int(position[i, 1]))
            method.attribute(usual[of[i] : of[i] + 1], where)

    seconds = _interleaved(
        repeats,
        lambda: project_back(recording, layer.node, signal, stimulus=of, rule="deconvnet"),
        lambda: project_back(recording, layer.node, full, stimulus=of, rule="deconvnet"),
        captum,
    )
    return seconds / (count, count, 2)


def _pages(options: argparse.Namespace) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    layout = pixels.plate_of((100, 100))
    photo = np.asarray(DemoImages(1)[0].resize((224, 224)))
    tiles = np.stack([pixels.patch(photo, Box(i, i, i + 100, i + 100), layout.tile)
                      for i in generator.integers(0, 100, 18)])  # fmt: skip
    picture = pixels.plate(layout, tiles.reshape(9, 2, *layout.tile, 3), 9)
    count = 4 if options.small else 60
    encode = _interleaved(1, lambda: [pixels.encoded(picture, (100, 100)) for _ in range(count)])
    with tempfile.TemporaryDirectory() as out:
        _command("--limit", "64", "--out", out)
        folder, pages = Path(out) / "demo", 0
        begun = time.perf_counter()
        view = AtlasView.read(folder, Renderer())
        for kind in PAGES:
            for file, _ in kind.files(view):
                pages += file.endswith(".html")
        seconds = time.perf_counter() - begun
    facts = {"plates/s and thread": count / float(encode[0, 0]), "pages/s": pages / seconds}
    return _line("demo", facts)


def _memory(options: argparse.Namespace) -> dict[str, Any]:
    count, model = (4, "demo") if options.small else (500, options.models[0])
    small = ["--small"] if options.small else []
    facts = {}
    for images in (count, 10 * count):
        ran = subprocess.run(
            [sys.executable, __file__, "--peak", model, str(images), *small],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        facts[f"MB for {images:,}"] = float(ran.stdout)
    few, many = facts.values()
    return _line(model, {**facts, "ratio": many / few})


def _peak(model: str, images: int, workers: int) -> float:
    """The peak memory, in MB, of a process that scans so many pictures."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "state")
        network = atlas.load_network(model, "none")
        running = Running(slots_of(network, BATCH), workers=workers)
        first_pass(network, DemoImages(images), checkpoint=checkpoint, running=running)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _build(options: argparse.Namespace) -> dict[str, Any]:
    model, count = options.models[0], options.count
    network = atlas.load_network(model, "none")
    images = _pictures(options, count)
    begun = time.perf_counter()
    some = [s.pixels for s in stimuli(images, network.preprocessing, range(len(images)), workers=2)]
    decode = time.perf_counter() - begun
    _, plain = _plain(network, np.stack(some), 1)
    forward = float(_interleaved(1, lambda: plain(slice(None)))[0, 0])
    _, layers = _convolutional(network)
    chosen = ",".join(layer.id for layer in layers)
    with tempfile.TemporaryDirectory() as out:
        given = ["--model", model, "--weights", "none", "--limit", str(count), "--layers", chosen]
        given += ["--images", options.images] if options.images else []
        begun = time.perf_counter()
        _command(*given, "--out", out)
        seconds = time.perf_counter() - begun
        folder = Path(out) / model
        units = sum(summary.shown for summary in read_atlas(folder).summary)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        shared = sum(p.stat().st_size for p in (folder / "images").rglob("*") if p.is_file())
    facts = {
        "images": len(images),
        "units": units,
        "seconds": seconds,
        "decode s": decode,
        "forward s": forward,
        "÷ (decode + 2 forward)": seconds / (decode + 2 * forward),
        "seconds - 3 (decode + 2 forward)": seconds - 3 * (decode + 2 * forward),
        "kB/unit": (size - shared) / units / 1e3,
        "kB/unit with images": size / units / 1e3,
    }
    return _line(model, facts)


def _command(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "build.py"), *arguments], check=True, capture_output=True
    )


if __name__ == "__main__":
    sys.exit(main())
