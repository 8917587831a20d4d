"""A browser for tests of pages and scripts: Debian's Chromium, where it is installed."""

from __future__ import annotations

import functools
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # a browser may be missing
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome")
     if (found := shutil.which(name))), None,
)  # fmt: skip
NEEDED = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no browser: install Debian's chromium to run these tests"
    ),
]


@contextmanager
def served(folder: Path, late: float = 0) -> Iterator[str]:
    """A folder over http; its pictures come so many seconds late, and anew for every page."""

    class Quiet(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith(".webp"):
                time.sleep(late)
            with suppress(ConnectionError):  # of a page that is left before all of it has come
                super().do_GET()

        def end_headers(self) -> None:
            if late:
                self.send_header("Cache-Control", "no-store")
            super().end_headers()

        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


# scripts, fonts and pictures in view are there, and what they change has been drawn
SETTLED = """async () => {
    const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    const isSeen = box => box.bottom > 0 && box.top < innerHeight && box.width > 0;
    await document.fonts.ready;
    await frame();
    for (const picture of document.images) {
        if (picture.loading === "lazy" && !isSeen(picture.getBoundingClientRect())) continue;
        if (!picture.complete) {
            await new Promise(done => { picture.onload = picture.onerror = done; });
        }
    }
    await frame();
}"""

# how far what is shown has moved while a page was loading
WATCH_MOVES = """window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach(
    entry => { window.moved += entry.value; })).observe({type: 'layout-shift', buffered: true});"""

# links within a sentence may be as small as its letters
SMALL = """[...document.querySelectorAll("a, button, summary, select")].filter(one => {
    const box = one.getBoundingClientRect(), around = one.parentElement;
    const told = around.textContent.trim().replace(/[,.]$/, "");
    const isInline = getComputedStyle(one).display === "inline";
    const inSentence = isInline && told !== one.textContent.trim();
    const isExempt = one.matches(".skip, .footnote-backref, .footnote-ref");
    return one.checkVisibility() && !inSentence && !isExempt
        && Math.min(box.width, box.height) < 32;
}).map(one => one.outerHTML)"""
OPENED = "for (const one of document.querySelectorAll('details')) one.open = true;"


# WCAG 2.2 AA, as far as axe-core can tell
_LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_OF_COLOURS = ["color-contrast", "link-in-text-block"]
# what holds is counted, and not described: that takes as long as all the rest
_HOW = {"resultTypes": ["violations"]}
COLOURS = ({"runOnly": {"type": "rule", "values": _OF_COLOURS}, **_HOW},)
ALL = (
    {"runOnly": {"type": "tag", "values": _LEVELS},
     "rules": {name: {"enabled": False} for name in _OF_COLOURS}, **_HOW},
    *COLOURS,
)  # fmt: skip
# Colours take longer than all other rules together. Of texts with one look, on the same backgrounds
# of all that is around them, the first and the last are enough, for nothing else counts. Texts of
# drawings stand on what isn't around them.
_LOOKS = """() => {
    const known = new Map([[null, ""]]), looks = new Map();
    const around = one => {
        if (!known.has(one)) {
            const { backgroundColor, backgroundImage, opacity } = getComputedStyle(one);
            const own = [backgroundColor, backgroundImage, opacity].join();
            const all = around(one.parentElement);
            known.set(one, own === "rgba(0, 0, 0, 0),none,1" ? all : all + own);
        }
        return known.get(one);
    };
    for (const one of document.body.querySelectorAll("*")) {
        const isText = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        const box = one.getBoundingClientRect();
        const isSeen = one.checkVisibility() && box.width > 1 && box.right > 0 && box.bottom > 0;
        if (!isSeen || !(isText || one.matches("input, select"))) continue;
        const style = getComputedStyle(one);
        const look = [around(one), getComputedStyle(one.parentElement).color, one.localName,
            ...["color", "fontSize", "fontWeight", "textDecoration", "textShadow"].map(
                name => style[name])].join();
        if (!looks.has(look)) looks.set(look, []);
        looks.get(look).push(one);
    }
    return [...looks.values()].flatMap(
        ones => ones[0].closest("svg") ? ones : [ones[0], ones.at(-1)]);
}"""
_RUN = f"""async runs => {{
    const found = [];
    for (const run of runs) {{
        const isOfColours = run.runOnly.type === "rule";
        const {{ passes, violations }} = await axe.run(
            isOfColours ? {{ include: ({_LOOKS})() }} : document, run);
        found.push([passes.length, violations.map(one => [one.id, one.nodes[0].html])]);
    }}
    return found;
}}"""


def barriers(page: Page, runs: Sequence[Mapping[str, object]] = ALL) -> list[tuple[str, str]]:
    """What keeps people out of a page: the rules of axe-core that it breaks, and where."""
    tool = pytest.importorskip("axe_playwright_python.sync_playwright")
    if not page.evaluate("'axe' in window"):
        page.evaluate(tool.Axe().axe_script)
    found = page.evaluate(_RUN, runs)
    assert all(passes for passes, _ in found)
    return [(rule, html[:200]) for _, violations in found for rule, html in violations]


class Watched:
    """A page, and all that went wrong on it; ``own`` is how the site's addresses begin."""

    def __init__(self, context: BrowserContext, own: str | tuple[str, ...]) -> None:
        self.page, self.own = context.new_page(), own
        self.wrong: list[str] = []
        self.waiting: set[Request] = set()  # for an answer
        self.page.on("request", lambda request: self.waiting.add(request))
        self.page.on("requestfinished", lambda request: self.waiting.discard(request))
        self.page.on("requestfailed", lambda request: self.waiting.discard(request))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("console", self._said)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)
        self.page.on("request", lambda request: self._asked(request.url))

    def open(self, url: str) -> None:
        """Go to a page, and wait until it stands still with all that it asked for."""
        self.page.goto(url)
        self.page.evaluate(SETTLED)
        while self.waiting:
            self.page.wait_for_timeout(5)

    def told(self) -> list[str]:
        """What went wrong since this was asked before."""
        wrong, self.wrong = self.wrong, []
        return wrong

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # as are those of a page that is left
            self.wrong.append(f"failed: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")

    def _asked(self, url: str) -> None:
        own = (self.own,) if isinstance(self.own, str) else self.own
        if not url.startswith((*own, "blob:", "about:")):  # a blob is what the page itself has made
            self.wrong.append(f"off-site: {url}")
