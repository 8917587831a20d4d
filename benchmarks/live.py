"""How fast the live page's engine runs a network in a browser, and a peer beside it.

    python benchmarks/live.py --model demo
    python benchmarks/live.py --model squeezenet1_1 --weights FILE --repeats 20
    npm install onnxruntime-web --prefix FOLDER
    python benchmarks/live.py --peer FOLDER/node_modules/onnxruntime-web/dist
    python benchmarks/live.py --memory site/demo/live.html

Opens Chromium (playwright is needed) on a page that holds nothing but the engine. Prints the median
milliseconds of a forward pass to all layers, compiled and plain, and of the slowest reconstruction
of any layer's strongest activation. With ``--peer`` ONNX Runtime Web runs the same network (package
``onnx`` is needed) on one thread, in turns with ours; its forward pass ends in the last layer
alone. What the last layer's values differ by is printed, too. With ``--memory`` a finished live
page is opened and drawn on instead: what its process takes at most, with its share of what it has
in common with others (Linux).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from atlas.live.program import program_of
from atlas.networks.network import Network, load_network
from atlas.site.own_files import TEMPLATES
from benchmarks.browsing import serve

PAGE = '<!doctype html><meta charset="utf-8"><script src="live-engine.js"></script>'
PEER = "ort.wasm.min.js"

# what the page runs: times are in milliseconds
RUN = """async ({program, last, peer, repeats}) => {
    const get = async (name) => (await fetch(name)).arrayBuffer();
    const kernel = new Uint8Array(await get("live-kernel.wasm"));
    const all = new Float32Array(await get("tensors.bin"));
    const input = new Float32Array(await get("input.bin"));
    let at = 0;
    const tensors = program.sizes.map((size) => {
        const count = size.reduce((a, b) => a * b, 1);
        return all.subarray(at, at += count);
    });
    const networks = {
        compiled: liveEngine(kernel).network(program, tensors),
        plain: liveEngine(null).network(program, tensors),
    };
    let session = null, feeds = null;
    if (peer) {
        await new Promise((done, failed) => {
            const script = Object.assign(document.createElement("script"), { src: peer });
            script.onload = done; script.onerror = failed;
            document.head.append(script);
        });
        ort.env.wasm.numThreads = 1;
        const how = { executionProviders: ["wasm"] };
        session = await ort.InferenceSession.create("model.onnx", how);
        const tensor = new ort.Tensor("float32", input, [1, ...program.input]);
        feeds = { [session.inputNames[0]]: tensor };
    }
    const forward = {
        compiled: () => networks.compiled.forward(input)[last],
        plain: () => networks.plain.forward(input)[last],
    };
    if (session) forward.peer = async () => (await session.run(feeds))[session.outputNames[0]].data;
    const found = { times: {}, apart: {}, back: 0 };
    const values = {};
    for (const name in forward) {
        values[name] = Float32Array.from(await forward[name]());
        found.times[name] = [];
        await forward[name]();
    }
    const largest = values.compiled.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    for (const name in values) {
        found.apart[name] = values[name].reduce(
            (a, b, i) => Math.max(a, Math.abs(b - values.compiled[i])), 0) / largest;
    }
    for (let turn = 0; turn < repeats; turn++) {
        for (const name in forward) {
            const began = performance.now();
            await forward[name]();
            found.times[name].push(performance.now() - began);
        }
    }
    const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
    for (const name in found.times) found.times[name] = median(found.times[name]);
    const maps = networks.compiled.forward(input);
    for (const layer of program.layers) {
        const [, height, width] = networks.compiled.shapes[layer.value];
        const values = maps[layer.value];
        let best = 0;
        values.forEach((value, i) => { if (value > values[best]) best = i; });
        const row = Math.floor(best / width);
        const place = [Math.floor(row / height), row % height, best % width];
        const took = [];
        for (let turn = 0; turn < 5; turn++) {
            const began = performance.now();
            networks.compiled.reconstruct(layer.value, ...place);
            took.push(performance.now() - began);
        }
        const middle = median(took);
        if (middle > found.back) { found.back = middle; found.slowest = layer.id; }
    }
    return found;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="demo")
    parser.add_argument("--weights", help="as build.py takes it")
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--peer", type=Path, help="the folder dist of onnxruntime-web")
    parser.add_argument("--memory", type=Path, metavar="PAGE", help="a live page to draw on")
    given = parser.parse_args()
    if given.memory:
        loaded, drawn = memory(given.memory.resolve())
        print(f"{given.memory}: {loaded:.0f} MB when loaded, {drawn:.0f} MB at most when drawn on")
        return
    network = load_network(given.model, given.weights)
    with tempfile.TemporaryDirectory() as scratch:
        asked = prepare(network, Path(scratch), given.peer)
        print(report(given.model, run(Path(scratch), {**asked, "repeats": given.repeats})))


def prepare(network: Network, folder: Path, peer: Path | None) -> dict[str, Any]:
    """Write the page and all it loads into a folder; returns what it must be told."""
    layers = network.choose()
    program, tensors = program_of(network, layers)
    channels, height, width = network.preprocessing.input_shape
    noise = np.random.default_rng(0).integers(0, 256, (1, height, width, channels), dtype=np.uint8)
    inputs = network.inputs(noise).contiguous()
    (folder / "index.html").write_text(PAGE, "utf-8")
    for name in ("live-engine.js", "live-kernel.wasm"):
        shutil.copy(TEMPLATES / name, folder)
    (folder / "input.bin").write_bytes(inputs.numpy().tobytes())
    (folder / "tensors.bin").write_bytes(b"".join(one.tobytes() for one in tensors))
    last = program.scores if program.scores is not None else program.layers[-1].value
    if peer:
        shutil.copytree(peer, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.map"))
        torch.onnx.export(
            network.module, (inputs,), str(folder / "model.onnx"), dynamo=False, opset_version=17
        )
    return {"program": msgspec.to_builtins(program), "last": last, "peer": PEER if peer else None}


def run(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """What the page in a folder finds."""
    server = serve(folder)
    try:
        with sync_playwright() as tool:
            browser = tool.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            found: dict[str, Any] = page.evaluate(RUN, asked)
            browser.close()
    finally:
        server.shutdown()
    return found


STROKES, STEPS = 6, 30


def memory(page: Path) -> tuple[float, float]:
    """Megabytes of the process of a live page: when it is loaded, and at most while one draws."""
    with sync_playwright() as tool:
        browser = tool.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        opened = browser.new_page(viewport={"width": 1440, "height": 900})
        opened.goto(page.as_uri())
        board = opened.locator("canvas").first
        board.wait_for()
        opened.wait_for_timeout(3000)  # until the network has run
        before = most = _largest_renderer()
        box = board.bounding_box()
        assert box
        for stroke in range(STROKES):
            opened.mouse.move(box["x"] + 20 + 10 * stroke, box["y"] + 30)
            opened.mouse.down()
            for step in range(STEPS):
                opened.mouse.move(box["x"] + 20 + 5 * step, box["y"] + 30 + 37 * step % 150)
                opened.wait_for_timeout(30)
                most = max(most, _largest_renderer())
            opened.mouse.up()
        browser.close()
    return before, most


def _largest_renderer() -> float:
    """Megabytes of the browser's largest page."""
    sizes = [0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (process / "cmdline").read_bytes():
                rollup = (process / "smaps_rollup").read_text()
                sizes.append(int(rollup.partition("\nPss:")[2].split()[0]))
        except OSError:  # it has ended, or is somebody else's
            continue
    return max(sizes) / 1024


def report(model: str, found: dict[str, Any]) -> str:
    """The figures as lines."""
    times, compiled = found["times"], found["times"]["compiled"]
    lines = [
        f"{model}: forward, median ms: "
        + ", ".join(
            f"{name} {times[name]:.1f} (÷ compiled {times[name] / compiled:.2f})" for name in times
        ),
        f"slowest reconstruction: {found['back']:.1f} ms, of {found['slowest']}; "
        f"÷ forward {found['back'] / compiled:.2f}",
        "largest difference in the last layer, relative: " + json.dumps(found["apart"]),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
