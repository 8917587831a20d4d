"""How a layer's page behaves in a browser with very many units: stalls and first view.

    python benchmarks/browsing.py site/demo/conv5 --units 2048

Copies the atlas, repeats the layer's units until there are so many, renders it, and opens it in
Chromium (playwright is needed). Prints the longest task of the page's main thread, from the
browser's own timeline, while it is scrolled from top to bottom, sorted and filtered.
"""

import argparse
import functools
import shutil
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from msgspec import structs
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from atlas.data.documents import read_layer
from atlas.site import publishing
from atlas.site.assembling import whole
from atlas.site.writing import write_pages
from tests.support.documents import write_layer

WATCH = """
window.stalls = [];
new PerformanceObserver(list => list.getEntries().forEach(e => window.stalls.push(e.duration)))
  .observe({type: "longtask", buffered: true});
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("layer", type=Path)
    options.add_argument("--units", type=int, default=2048)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        name = prepare(given.layer, out, given.units)
        server = serve(out)
        url = f"http://127.0.0.1:{server.server_port}/{name}/{given.layer.name}/index.html"
        with sync_playwright() as tool:
            browser = tool.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            measure(browser.new_page(viewport={"width": 1440, "height": 900}), url)
            browser.close()
        server.shutdown()


def prepare(layer: Path, out: Path, count: int) -> str:
    """A copy of an atlas in which a layer has so many units; returns its name."""
    atlas = layer.parent
    shutil.copytree(atlas, out / atlas.name)
    folder = out / atlas.name
    publishing.write_shared(out, whole(out).files.texts)
    data = read_layer(folder, layer.name)
    some = [unit for unit in data.top if unit.nine]
    top = tuple(structs.replace(some[n % len(some)], unit=n) for n in range(count))
    for number in range(count):
        plate = layer / f"{some[number % len(some)].unit}.webp"
        shutil.copy(plate, folder / layer.name / f"{number}.webp")
    write_layer(folder, structs.replace(data, shape=(count, *data.shape[1:]), top=top))
    write_pages(folder)
    return atlas.name


def serve(folder: Path) -> ThreadingHTTPServer:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def measure(page: Page, url: str) -> None:
    page.add_init_script(WATCH)
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(len(response.body())))
    page.goto(url)
    page.wait_for_load_state("networkidle")
    print(f"first view: {sum(sizes) / 1000:.0f} kB in {len(sizes)} requests")
    tell(page, "loading")
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, height, 700):
        page.mouse.wheel(0, 700)
        page.wait_for_timeout(16)
    tell(page, f"scrolling {height:,} pixels")
    page.evaluate("scrollTo(0, 0)")
    for label, value in (("Order", "strength"), ("Order", "fired"), ("Order", ""),
                         ("Show", "fired"), ("Show", "never"), ("Show", "")):  # fmt: skip
        page.get_by_label(label).select_option(value)
        page.wait_for_timeout(400)
        tell(page, f"{label.lower()} {value or 'as it was'}")


def tell(page: Page, what: str) -> None:
    """The longest task since the last time."""
    page.wait_for_timeout(100)
    stalls = page.evaluate("window.stalls.splice(0)")
    print(f"{what}: longest task {max(stalls, default=0):.0f} ms, {len(stalls)} above 50 ms")


if __name__ == "__main__":
    main()
